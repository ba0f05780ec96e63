import type { Clock } from '../time/clock.ts';

/** A task that is asked for often and runs seldom. */
export interface CoalescedTask {
  /** Asks for a run that begins after this moment. However often: one run at a time, and at most one waiting. */
  request(): void;
  /** Starts no run any more, and waits for the one under way. */
  stop(): Promise<void>;
}

/**
 * Creates a task that runs some time after it was asked for, so that a burst makes one run.
 *
 * @param delayMs asked for each run
 * @param run must not throw
 */
export function createCoalescedTask(
  clock: Clock,
  delayMs: () => number,
  run: () => Promise<void>,
): CoalescedTask {
  let cancel: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let isRequested = false;
  let isStopped = false;

  function start(): void {
    cancel = undefined;
    isRequested = false;
    running = run().finally(() => {
      running = undefined;
      schedule();
    });
  }

  function schedule(): void {
    if (isRequested && !isStopped && running === undefined) {
      cancel ??= clock.after(delayMs(), start);
    }
  }

  return {
    request() {
      isRequested = true;
      schedule();
    },
    async stop() {
      isStopped = true;
      cancel?.();
      await running;
    },
  };
}
