import type { Clock } from './clock.ts';

/** A time limit that is also an AbortSignal. */
export interface Deadline {
  /** Aborted with a `TimeoutError` (DOMException) or, when the outer signal was, with the reason of that. */
  readonly signal: AbortSignal;
  /** Gives the full time again. */
  restart(): void;
  /** Must be called when the work is over, however it ended. */
  end(): void;
}

/** Starts a time limit of `ms` milliseconds; an abort of `outer` ends it early. */
export function startDeadline(clock: Clock, ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const expire = (): void => controller.abort(new DOMException('the time is over', 'TimeoutError'));
  const abort = (): void => controller.abort(outer?.reason);
  let cancel = clock.after(ms, expire);
  // By hand: dependents of AbortSignal.any() would pile up on a signal that lives as long as the process.
  if (outer?.aborted) abort();
  else outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    restart() {
      cancel();
      cancel = clock.after(ms, expire);
    },
    end() {
      cancel();
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** Waits for `work`, but not after the signal is aborted; rejects then with its reason. Work that goes on is forgotten. */
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

/** Waits `ms` milliseconds, or until the signal is aborted; never throws. */
export async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  await untilAborted(promise, signal).catch(() => undefined);
  cancel();
}

/** Does `work`, whose signal is aborted after `ms` milliseconds, or when `outer` is. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = startDeadline(clock, ms, outer);
  try {
    return await work(deadline.signal);
  } finally {
    deadline.end();
  }
}
