import type { Clock } from '../time/clock.ts';
import type { TokenBucket } from '../time/token-bucket.ts';
import { toApiError } from './api-error.ts';
import { type BackOffLimits, backOffMs } from './back-off.ts';

export interface WorkQueueOptions {
  /** Does what is to be done for a key. When it throws, the key is tried again, alone, after a back-off. */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** Told of each failure; `failures` counts those in a row. */
  readonly onFailure: (key: string, error: unknown, failures: number) => void;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  readonly backOff: BackOffLimits;
  /** Limits how often work starts. */
  readonly budget?: TokenBucket;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Keys that wait for work: each once, in order, never the same key twice at a time. */
export interface WorkQueue {
  /** Adds a key, also one that waits for its next try. Added while it is worked on, it is done once more afterwards. */
  add(key: string): void;
  /** Aborts the work under way and waits for its end; nothing is started any more. */
  close(): Promise<void>;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, random, concurrency, backOff, budget } = options;
  const controller = new AbortController();
  const waiting = new Set<string>();
  const working = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  const retries = new Map<string, () => void>();
  let cancelRefill: (() => void) | undefined;

  function startNext(): void {
    for (const key of waiting) {
      if (controller.signal.aborted || working.size >= concurrency) {
        return;
      }
      if (working.has(key)) {
        continue;
      }
      const pauseMs = budget?.take() ?? 0;
      if (pauseMs > 0) {
        startAfter(pauseMs);
        return;
      }
      waiting.delete(key);
      cancelRetry(key);
      working.set(key, workOn(key));
    }
  }

  function startAfter(pauseMs: number): void {
    cancelRefill ??= clock.after(pauseMs, () => {
      cancelRefill = undefined;
      startNext();
    });
  }

  async function workOn(key: string): Promise<void> {
    try {
      await options.work(key, controller.signal);
      failures.delete(key);
    } catch (error) {
      retryLater(key, error);
    } finally {
      working.delete(key);
    }
    startNext();
  }

  function retryLater(key: string, error: unknown): void {
    if (controller.signal.aborted) {
      return;
    }
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    options.onFailure(key, error, count);
    const delayMs = backOffMs(backOff, count, random(), toApiError(error).retryAfterSeconds);
    retries.set(
      key,
      clock.after(delayMs, () => add(key)),
    );
  }

  function cancelRetry(key: string): void {
    retries.get(key)?.();
    retries.delete(key);
  }

  function add(key: string): void {
    waiting.add(key);
    startNext();
  }

  return {
    add,
    async close() {
      controller.abort();
      cancelRefill?.();
      for (const key of [...retries.keys()]) {
        cancelRetry(key);
      }
      await Promise.all(working.values());
    },
  };
}
