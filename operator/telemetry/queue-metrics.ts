import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ReconcileMetrics, ReconcileResult } from './reconcile-metrics.ts';

/** What becomes of the keys in one queue, under the names of client-go and controller-runtime. */
export interface QueueMetrics {
  /** A key was added that did not wait yet. */
  countAdd(): void;
  /** A key is to be tried again after a failure. */
  countRetry(): void;
  noteStart(waitedSeconds: number): void;
  /** The time for a key is over, and the work on it has not ended. */
  countTimeout(): void;
  noteEnd(result: ReconcileResult, workedSeconds: number): void;
  /** Asks at each scrape what the queue holds. */
  follow(load: () => QueueLoad): void;
}

export interface QueueLoad {
  /** Keys that wait, by the rank of their line. */
  readonly waiting: Readonly<Record<QueuePriority, number>>;
  /** For each key that is worked on: since when, in seconds. */
  readonly workingSeconds: readonly number[];
}

const priorities = ['first', 'later'] as const;
type QueuePriority = (typeof priorities)[number];

/** Those of controller-runtime but the finest, in seconds. */
const buckets = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000];

/** The queue of statuses to be written: the only one of the operator's that is like a controller's. */
export function createStatusQueueMetrics(
  registry: Registry,
  { noteReconcile, countTimeout }: ReconcileMetrics,
): QueueMetrics {
  const labels = { name: 'status', controller: 'status' } as const;
  const labelNames = ['name', 'controller'] as const;
  const shared = { labelNames, registers: [registry] };
  let measure = (): QueueLoad => ({ waiting: { first: 0, later: 0 }, workingSeconds: [] });
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys that were added.', ...shared });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Failures after which a key is tried again.',
    ...shared,
  });
  const queueTime = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long keys waited before they were worked on.',
    ...shared,
    buckets,
  });
  const workTime = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long keys were worked on.',
    ...shared,
    buckets,
  });
  new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that wait: `first` for what users have changed, `later` for all else.',
    ...shared,
    labelNames: ['name', 'controller', 'priority'],
    collect() {
      const { waiting } = measure();
      for (const priority of priorities) this.set({ ...labels, priority }, waiting[priority]);
    },
  });
  new Gauge({
    name: 'workqueue_unfinished_work_seconds',
    help: 'How long the keys that are worked on have been so, all together.',
    ...shared,
    collect() {
      this.set(
        labels,
        measure().workingSeconds.reduce((sum, seconds) => sum + seconds, 0),
      );
    },
  });
  new Gauge({
    name: 'workqueue_longest_running_processor_seconds',
    help: 'How long the key that has been worked on longest has been so.',
    ...shared,
    collect() {
      this.set(labels, Math.max(0, ...measure().workingSeconds));
    },
  });
  for (const counter of [adds, retries]) counter.inc(labels, 0);
  for (const histogram of [queueTime, workTime]) histogram.zero(labels);
  return {
    countAdd: () => adds.inc(labels),
    countRetry: () => retries.inc(labels),
    noteStart: (waitedSeconds) => queueTime.observe(labels, waitedSeconds),
    countTimeout: () => countTimeout('status'),
    noteEnd(result, workedSeconds) {
      workTime.observe(labels, workedSeconds);
      noteReconcile('status', result, workedSeconds);
    },
    follow(load) {
      measure = load;
    },
  };
}
