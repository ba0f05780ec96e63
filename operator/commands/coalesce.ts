import type { Clock } from '../time/clock.ts';
import { restAfter } from '../time/rest.ts';

/** Turns a burst of calls into one run of `task` soon after: at most one is waiting at any time. */
export function coalesce(clock: Clock, task: () => void): () => void {
  let isWaiting = false;
  let restedMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    clock.after(Math.max(0, restedMs - clock.monotonicMs()), () => {
      isWaiting = false;
      const startedMs = clock.monotonicMs();
      task();
      const endedMs = clock.monotonicMs();
      restedMs = endedMs + restAfter(endedMs - startedMs);
    });
  };
}
