import { type BackOffLimits, backOffMs } from '../time/back-off.ts';
import type { Clock } from '../time/clock.ts';
import type { TokenBucket } from '../time/token-bucket.ts';
import { toApiError } from './api-error.ts';

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

/** `later`: only while no key of the rank `first` can be started. */
export type Rank = 'first' | 'later';

/** Keys that wait for work: each once, in order, never the same key twice at a time. */
export interface WorkQueue {
  /**
   * Adds a key, also one that waits for its next try. Added while it is worked on, it is done once more afterwards. A key
   * that waits already keeps its place, except that `first` calls it out of the line of `later`.
   */
  add(key: string, rank?: Rank): void;
  /** Aborts the work under way and waits for its end; nothing is started any more. */
  close(): Promise<void>;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, random, concurrency, backOff, budget } = options;
  const controller = new AbortController();
  const lines = { first: new Set<string>(), later: new Set<string>() };
  const working = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  const retries = new Map<string, () => void>();
  let cancelRefill: (() => void) | undefined;

  function startNext(): void {
    for (const [key, rank] of inOrder()) {
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
      lines[rank].delete(key);
      cancelRetry(key);
      working.set(key, workOn(key, rank));
    }
  }

  function* inOrder(): Generator<readonly [key: string, rank: Rank]> {
    for (const key of lines.first) yield [key, 'first'];
    for (const key of lines.later) yield [key, 'later'];
  }

  function startAfter(pauseMs: number): void {
    cancelRefill ??= clock.after(pauseMs, () => {
      cancelRefill = undefined;
      startNext();
    });
  }

  async function workOn(key: string, rank: Rank): Promise<void> {
    try {
      await options.work(key, controller.signal);
      failures.delete(key);
    } catch (error) {
      retryLater(key, rank, error);
    } finally {
      working.delete(key);
    }
    startNext();
  }

  function retryLater(key: string, rank: Rank, error: unknown): void {
    if (controller.signal.aborted) {
      return;
    }
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    options.onFailure(key, error, count);
    const delayMs = backOffMs(backOff, count, random(), toApiError(error).retryAfterSeconds);
    retries.set(
      key,
      clock.after(delayMs, () => add(key, rank)),
    );
  }

  function cancelRetry(key: string): void {
    retries.get(key)?.();
    retries.delete(key);
  }

  function add(key: string, rank: Rank = 'first'): void {
    if (rank === 'first') lines.later.delete(key);
    if (rank === 'first' || !lines.first.has(key)) lines[rank].add(key);
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
