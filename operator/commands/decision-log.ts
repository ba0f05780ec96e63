import { objectKey } from '../api/kubernetes-object.ts';
import type { DecisionReason } from '../http/decision-reason.ts';
import type { PublicEndpointParts } from '../http/public-endpoint.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { createTokenBucket } from '../time/token-bucket.ts';

/** Lines that callers may cause at once, and a second later again. */
const burst = 20;
const perSecond = 1;

/** Decisions that nobody looks for in a log. */
const quietReasons = new Set<DecisionReason>(['admitted', 'metadata', 'assertion_keys', 'preflight']);

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
  const lines = createTokenBucket(clock, perSecond, burst);
  return (reason, policy) => {
    metrics.countDecision({ mode: policy?.verifier.mode ?? 'none', reason }, policy);
    if (quietReasons.has(reason) || lines.take() > 0) return;
    log.info('request refused', { reason, policy: policy && objectKey(policy) });
  };
}
