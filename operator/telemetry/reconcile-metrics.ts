import { Counter, Histogram, type Registry } from 'prom-client';

/** Pieces of the operator's work, under the names of controller-runtime. */
export interface ReconcileMetrics {
  noteReconcile(controller: ControllerName, result: ReconcileResult, seconds: number): void;
  /** A bug of ours was caught, before the work that is counted. */
  countPanic(controller: ControllerName): void;
  /** A piece of work was told to stop because its time was over. */
  countTimeout(controller: 'status'): void;
}

/** `snapshot`: all that is known, compiled and put in force. `status`: one policy's status, written. */
const controllerNames = ['snapshot', 'status'] as const;
export type ControllerName = (typeof controllerNames)[number];

/** `panic`: a bug of ours was caught; counted as an error besides. */
export type ReconcileResult = 'success' | 'error' | 'panic';

/** Those of controller-runtime, in seconds. */
const buckets = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9],
  ...[1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60],
];

export function createReconcileMetrics(registry: Registry): ReconcileMetrics {
  const labelNames = ['controller'] as const;
  const shared = { labelNames, registers: [registry] };
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Pieces of work that have ended, by what they were and how they ended.',
    ...shared,
    labelNames: ['controller', 'result'],
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Pieces of work that failed; a status is tried again.',
    ...shared,
  });
  const panics = new Counter({
    name: 'controller_runtime_reconcile_panics_total',
    help: 'Pieces of work that failed by a bug of the operator, and statuses that could not be computed because of one.',
    ...shared,
  });
  const timeouts = new Counter({
    name: 'controller_runtime_reconcile_timeouts_total',
    help: 'Pieces of work that were told to stop because they took longer than 30 s.',
    ...shared,
  });
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long pieces of work took.',
    ...shared,
    buckets,
  });
  for (const controller of controllerNames) {
    for (const result of ['success', 'error']) total.inc({ controller, result }, 0);
    errors.inc({ controller }, 0);
    panics.inc({ controller }, 0);
    time.zero({ controller });
  }
  // All that is known is compiled in one go, which nothing could interrupt.
  timeouts.inc({ controller: 'status' }, 0);
  return {
    countPanic: (controller) => panics.inc({ controller }),
    countTimeout: (controller) => timeouts.inc({ controller }),
    noteReconcile(controller, result, seconds) {
      total.inc({ controller, result: result === 'success' ? 'success' : 'error' });
      if (result !== 'success') errors.inc({ controller });
      if (result === 'panic') panics.inc({ controller });
      time.observe({ controller }, seconds);
    },
  };
}
