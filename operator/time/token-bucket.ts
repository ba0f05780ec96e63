import type { Clock } from './clock.ts';

/** A budget of starts per second. */
export interface TokenBucket {
  /** Takes a token and returns 0, or takes none and returns the milliseconds until there will be one. */
  take(): number;
  /** Whether it is as good as new. */
  isFull(): boolean;
}

/** Creates a full bucket; it holds one second's worth unless told otherwise. */
export function createTokenBucket(clock: Clock, perSecond: number, capacity = perSecond): TokenBucket {
  let tokens = capacity;
  let filledAtMs = clock.monotonicMs();

  function fill(): void {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(capacity, tokens + ((nowMs - filledAtMs) * perSecond) / 1000);
    filledAtMs = nowMs;
  }

  return {
    isFull() {
      fill();
      return tokens === capacity;
    },
    take() {
      fill();
      if (tokens >= 1) {
        tokens -= 1;
        return 0;
      }
      return Math.ceil(((1 - tokens) * 1000) / perSecond);
    },
  };
}
