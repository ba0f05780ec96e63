import type { Clock } from '../time/clock.ts';

/** A time limit as an AbortSignal. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Must be called when the work is over, however it ended. */
  end(): void;
}

/** Starts a time limit of `ms` milliseconds; an abort of `outer` ends it early. */
export function startDeadline(clock: Clock, ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const cancel = clock.after(ms, abort);
  // By hand: dependents of AbortSignal.any() would pile up on a signal that lives as long as a key source.
  if (outer?.aborted) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    end() {
      cancel();
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** Waits for `work`, but not after the signal is aborted; rejects then. Work that goes on is forgotten. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
