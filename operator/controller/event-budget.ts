import type { Clock } from '../time/clock.ts';
import { createTokenBucket, type TokenBucket } from '../time/token-bucket.ts';

interface Budget {
  readonly bucket: TokenBucket;
  readonly usedAtMs: number;
}

const burst = 10;
const perSecond = 1 / 60;
/** After this a budget is full again and need not be remembered. */
const refillMs = (burst / perSecond) * 1000;

/**
 * Lets there be ten Events about one policy, and one more each minute: a policy that flaps cannot take the Events of
 * others. Takes the uid of a policy, tells whether there may be one now.
 */
export function createEventBudget(clock: Clock): (uid: string) => boolean {
  // In the order of use.
  const budgets = new Map<string, Budget>();

  function forgetFull(nowMs: number): void {
    for (const [uid, { usedAtMs }] of budgets) {
      if (nowMs - usedAtMs < refillMs) return;
      budgets.delete(uid);
    }
  }

  return (uid) => {
    const nowMs = clock.monotonicMs();
    forgetFull(nowMs);
    const bucket = budgets.get(uid)?.bucket ?? createTokenBucket(clock, perSecond, burst);
    budgets.delete(uid);
    budgets.set(uid, { bucket, usedAtMs: nowMs });
    return bucket.take() === 0;
  };
}
