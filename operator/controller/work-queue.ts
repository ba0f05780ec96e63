import type { QueueLoad, QueueMetrics } from '../telemetry/queue-metrics.ts';
import { type BackOffLimits, backOffMs } from '../time/back-off.ts';
import type { Clock } from '../time/clock.ts';
import { startDeadline } from '../time/deadline.ts';
import type { TokenBucket } from '../time/token-bucket.ts';
import { ApiError, toApiError } from './api-error.ts';

export interface WorkQueueOptions {
  /**
   * Does what is to be done for a key. When it throws, the key is tried again, alone, after a back-off; when the API server
   * asks to wait, nothing at all is started before. After 30 s its signal is aborted, and it should throw. As long as it does not, its key stays busy, for it may still write; but it holds up no
   * other key any more.
   */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** Told of each failure; `failures` counts those in a row. */
  readonly onFailure: (key: string, error: unknown, failures: number) => void;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  readonly backOff: BackOffLimits;
  /** Limits how often work starts. */
  readonly budget?: TokenBucket;
  readonly metrics?: QueueMetrics | undefined;
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

interface Working {
  readonly sinceMs: number;
  readonly ended: Promise<void>;
}

const workLimitMs = 30_000;

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, random, concurrency, backOff, budget, metrics } = options;
  const controller = new AbortController();
  /** The keys that wait, and since when. */
  const lines = { first: new Map<string, number>(), later: new Map<string, number>() };
  const working = new Map<string, Working>();
  /** Those that are worked on within their time: only these count for the concurrency. */
  const inTime = new Set<string>();
  const failures = new Map<string, number>();
  const retries = new Map<string, () => void>();
  let cancelRefill: (() => void) | undefined;
  /** The API server has asked for it: by whichever key, it is the server that has too much to do. */
  let restUntilMs = Number.NEGATIVE_INFINITY;

  function startNext(): void {
    for (const [key, rank, sinceMs] of inOrder()) {
      if (controller.signal.aborted || inTime.size >= concurrency) {
        return;
      }
      if (working.has(key)) {
        continue;
      }
      const pauseMs = takeTurn();
      if (pauseMs > 0) {
        startAfter(pauseMs);
        return;
      }
      lines[rank].delete(key);
      cancelRetry(key);
      metrics?.noteStart(secondsSince(sinceMs));
      inTime.add(key);
      working.set(key, { sinceMs: clock.monotonicMs(), ended: workOn(key, rank) });
    }
  }

  /** How long nothing may be started; 0 when something may, which then counts. */
  function takeTurn(): number {
    const restMs = restUntilMs - clock.monotonicMs();
    return restMs > 0 ? restMs : (budget?.take() ?? 0);
  }

  function* inOrder(): Generator<readonly [key: string, rank: Rank, sinceMs: number]> {
    for (const [key, sinceMs] of lines.first) yield [key, 'first', sinceMs];
    for (const [key, sinceMs] of lines.later) yield [key, 'later', sinceMs];
  }

  function startAfter(pauseMs: number): void {
    cancelRefill ??= clock.after(pauseMs, () => {
      cancelRefill = undefined;
      startNext();
    });
  }

  async function workOn(key: string, rank: Rank): Promise<void> {
    const sinceMs = clock.monotonicMs();
    const deadline = startDeadline(clock, workLimitMs, controller.signal);
    const { signal } = deadline;
    signal.addEventListener('abort', () => noteTimeout(key), { once: true });
    try {
      await options.work(key, signal);
      failures.delete(key);
      metrics?.noteEnd('success', secondsSince(sinceMs));
    } catch (error) {
      // What the API server, the network or the deadline does is no bug; anything else is.
      const isExpected = error instanceof ApiError || error === signal.reason;
      if (!controller.signal.aborted) {
        metrics?.noteEnd(isExpected ? 'error' : 'panic', secondsSince(sinceMs));
        retryLater(key, rank, error);
      }
    } finally {
      deadline.end();
      inTime.delete(key);
      working.delete(key);
    }
    startNext();
  }

  function noteTimeout(key: string): void {
    if (controller.signal.aborted) return;
    metrics?.countTimeout();
    inTime.delete(key);
    startNext();
  }

  function retryLater(key: string, rank: Rank, error: unknown): void {
    metrics?.countRetry();
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    options.onFailure(key, error, count);
    const { retryAfterSeconds = 0 } = toApiError(error);
    const delayMs = backOffMs(backOff, count, random(), retryAfterSeconds);
    if (retryAfterSeconds > 0) restUntilMs = Math.max(restUntilMs, clock.monotonicMs() + delayMs);
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
    const waitsSinceMs = lines.first.get(key) ?? lines.later.get(key);
    if (waitsSinceMs === undefined) metrics?.countAdd();
    if (rank === 'first') lines.later.delete(key);
    if (rank === 'first' || !lines.first.has(key)) lines[rank].set(key, waitsSinceMs ?? clock.monotonicMs());
    startNext();
  }

  function secondsSince(sinceMs: number): number {
    return (clock.monotonicMs() - sinceMs) / 1000;
  }

  function load(): QueueLoad {
    return {
      waiting: { first: lines.first.size, later: lines.later.size },
      workingSeconds: [...working.values()].map(({ sinceMs }) => secondsSince(sinceMs)),
    };
  }

  metrics?.follow(load);

  return {
    add,
    async close() {
      controller.abort();
      cancelRefill?.();
      for (const key of [...retries.keys()]) {
        cancelRetry(key);
      }
      await Promise.all([...working.values()].map(({ ended }) => ended));
    },
  };
}
