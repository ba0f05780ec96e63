import type { PublicEndpointParts } from '../http/public-endpoint.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';

/** Lines that callers may cause at once, and a second later again. */
const BURST = 20;
const PER_SECOND = 1;

/** Decisions that nobody looks for in a log. */
const QUIET = new Set<string>(['admitted', 'metadata', 'preflight']);

interface DecisionLogParts {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'countDecision'>;
}

/** Counts every decision, and writes one line for a refusal unless callers cause too many. */
export function createDecisionLog({
  log,
  clock,
  metrics,
}: DecisionLogParts): PublicEndpointParts['onDecision'] {
  let allowance = BURST;
  let lastMs = clock.monotonicMs();
  return (reason, policy) => {
    metrics.countDecision(reason);
    if (QUIET.has(reason)) return;
    const nowMs = clock.monotonicMs();
    allowance = Math.min(BURST, allowance + ((nowMs - lastMs) / 1000) * PER_SECOND);
    lastMs = nowMs;
    if (allowance < 1) return;
    allowance -= 1;
    log.info('request refused', { reason, policy });
  };
}
