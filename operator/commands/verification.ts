import { createSelfTestSchedule, type SelfTestSchedule } from '../enforcement/self-test-schedule.ts';
import { createKeyStore, type KeyStore } from '../keys/key-store.ts';
import type { FetchClusterDocument } from '../keys/outbound.ts';
import type { SelfTestOutcome } from '../policy/observation.ts';
import type { RequestOwnToken } from '../self-test/review-cases.ts';
import { createSelfTest, type EnforcedPolicy } from '../self-test/self-test.ts';
import type { KeyMetrics } from '../telemetry/key-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { type ApiServerHealth, createApiServerHealth } from '../verify/api-server-health.ts';
import { createReviewMemory } from '../verify/review-memory.ts';
import type { ReviewToken } from '../verify/review-token.ts';
import { createTokenVerifier, type VerifyToken } from '../verify/verify-token.ts';

/** What the operator asks of the cluster's API server, apart from policies. */
export interface ClusterPorts {
  readonly review: ReviewToken;
  readonly requestOwnToken: RequestOwnToken;
  readonly fetchDocument: FetchClusterDocument;
}

export interface VerificationParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: KeyMetrics;
  readonly refreshSeconds: number;
  /** Absent without a cluster. */
  readonly cluster?: ClusterPorts;
  /** Called when something that a status can show has changed. */
  readonly onChange: () => void;
  readonly onSelfTest: (policy: EnforcedPolicy, outcome: SelfTestOutcome) => void;
}

/** Everything that verifies tokens, and what tests it. */
export interface Verification {
  readonly keyStore: KeyStore;
  readonly apiServer?: ApiServerHealth;
  readonly selfTests: SelfTestSchedule;
  readonly verifyToken: VerifyToken;
  close(): void;
}

/** Wires it. The self-tests share only the connections with them. */
export function createVerification(parts: VerificationParts): Verification {
  const { clock, log, cluster, onChange, metrics } = parts;
  const random = Math.random;
  const keyStore = createKeyStore({
    ...{ clock, log, random, onChange },
    refreshSeconds: parts.refreshSeconds,
    ...(metrics === undefined ? {} : { metrics }),
    ...(cluster === undefined ? {} : { fetchClusterDocument: cluster.fetchDocument }),
  });
  const health = cluster && createApiServerHealth({ review: cluster.review, clock, random, onChange });
  const selfTest = createSelfTest({
    clock,
    ...(cluster === undefined || health === undefined
      ? {}
      : { apiServer: { review: health.review, requestOwnToken: cluster.requestOwnToken } }),
  });
  const selfTests = createSelfTestSchedule({
    selfTest,
    clock,
    random,
    onOutcome(policy, outcome) {
      parts.onSelfTest(policy, outcome);
      onChange();
    },
  });
  return {
    keyStore,
    ...(health === undefined ? {} : { apiServer: health }),
    selfTests,
    verifyToken: createTokenVerifier({
      findKeySource: keyStore.find,
      ...(health === undefined ? {} : { reviews: createReviewMemory(health.review, clock) }),
      clock,
    }),
    close() {
      keyStore.close();
      health?.close();
      selfTests.close();
    },
  };
}
