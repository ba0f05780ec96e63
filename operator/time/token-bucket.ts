import type { Clock } from './clock.ts';

/** A budget of starts per second. */
export interface TokenBucket {
  /** Takes a token and returns 0, or takes none and returns the milliseconds until there will be one. */
  take(): number;
}

/** Creates a full bucket; it holds one second's worth unless told otherwise. */
export function createTokenBucket(clock: Clock, perSecond: number, capacity = perSecond): TokenBucket {
  let tokens = capacity;
  let filledAtMs = clock.monotonicMs();
  return {
    take() {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(capacity, tokens + ((nowMs - filledAtMs) * perSecond) / 1000);
      filledAtMs = nowMs;
      if (tokens >= 1) {
        tokens -= 1;
        return 0;
      }
      return Math.ceil(((1 - tokens) * 1000) / perSecond);
    },
  };
}
