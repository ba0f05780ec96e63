import type { Enforcement } from '../enforcement/enforcement.ts';
import type { ReconcileMetrics, ReconcileResult } from '../telemetry/reconcile-metrics.ts';
import type { Clock } from '../time/clock.ts';

/** Times what puts inputs in force. Whatever it throws is a bug of ours, and thrown on. */
export function measureApply(
  apply: Enforcement['apply'],
  { clock, metrics }: { readonly clock: Clock; readonly metrics: Pick<ReconcileMetrics, 'noteReconcile'> },
): Enforcement['apply'] {
  return (inputs) => {
    const startedMs = clock.monotonicMs();
    let result: ReconcileResult = 'panic';
    try {
      const compilation = apply(inputs);
      result = 'success';
      return compilation;
    } finally {
      metrics.noteReconcile('snapshot', result, (clock.monotonicMs() - startedMs) / 1000);
    }
  };
}
