import type { Clock } from '../time/clock.ts';

/** Turns a burst of calls into one run of `task` soon after: at most one is waiting at any time. */
export function coalesce(clock: Clock, task: () => void): () => void {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    clock.after(0, () => {
      isWaiting = false;
      task();
    });
  };
}
