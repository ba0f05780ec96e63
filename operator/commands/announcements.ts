import { objectKey } from '../api/kubernetes-object.ts';
import type { PolicyReport } from '../enforcement/enforcement.ts';
import type { Compilation } from '../policy/compile.ts';
import type { Observation, SelfTestOutcome } from '../policy/observation.ts';
import { shortDigest } from '../policy/status.ts';
import type { EnforcedPolicy } from '../self-test/self-test.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { PolicyState } from '../telemetry/policy-metrics.ts';
import type { Clock } from '../time/clock.ts';

interface Telemetry {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Tells an administrator that another snapshot is in force. */
export function announceSnapshot(
  { snapshot, outcomes, sharedAudiences }: Compilation,
  { log, metrics, clock }: Telemetry & { readonly clock: Clock },
): void {
  const digest = shortDigest(snapshot.digest);
  log.info('snapshot in force', {
    digest,
    policies: outcomes.length,
    enforced: [...snapshot.policies.values()].filter(({ verifier }) => verifier.mode !== 'deny').length,
  });
  metrics.noteSnapshot(digest, clock.nowMs());
  metrics.setSharedAudiences(sharedAudiences.length);
  for (const { issuer, audience, policies } of sharedAudiences) {
    log.warn('namespaces share issuer and audience', { issuer, audience, policies: policies.join(' ') });
  }
}

/** Tells how a self-test has ended. */
export function announceSelfTest(
  policy: EnforcedPolicy,
  outcome: SelfTestOutcome,
  { log, metrics }: Telemetry,
): void {
  const { mode } = policy.verifier;
  const key = objectKey(policy);
  if (outcome.kind === 'untested') {
    metrics.countSelfTest(mode, 'untested');
    log.warn('self-test could not be run', { policy: key, why: outcome.why });
    return;
  }
  const { failed } = outcome.result;
  metrics.countSelfTest(mode, failed.length === 0 ? 'passed' : 'failed');
  if (failed.length > 0)
    log.error('self-test failed', { policy: key, cases: failed.map(({ name }) => name).join(' ') });
}

export function countStates(reports: readonly PolicyReport[]): Readonly<Record<PolicyState, number>> {
  const counts = { ready: 0, not_ready: 0, refused: 0 };
  for (const { observation } of reports) {
    if (observation === undefined) counts.refused += 1;
    else counts[isReady(observation) ? 'ready' : 'not_ready'] += 1;
  }
  return counts;
}

function isReady({ issuer, selfTest }: Observation): boolean {
  const hasPassed = selfTest?.kind === 'tested' && selfTest.result.failed.length === 0;
  return hasPassed && (issuer.kind === 'loaded' || issuer.kind === 'answered');
}
