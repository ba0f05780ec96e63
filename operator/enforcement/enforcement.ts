import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { type Compilation, compile } from '../policy/compile.ts';
import type { Outcome } from '../policy/finding.ts';
import { type ClusterFacts, type Inputs, noCluster } from '../policy/inputs.ts';
import { judgePolicy } from '../policy/judge-policy.ts';
import type { CallerFacts, IssuerObservation, Observation } from '../policy/observation.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import type { EnforcedConfig } from '../policy/verifier-config.ts';
import type { EnforcedPolicy } from '../self-test/self-test.ts';
import type { ApiServerHealth } from '../verify/api-server-health.ts';
import { observeApiServer, observeKeys } from './issuer-observation.ts';
import { rememberJudgements } from './remembered-judgements.ts';
import type { SelfTestSchedule, TestedPolicy } from './self-test-schedule.ts';
import { storedVerdict } from './stored-status.ts';

/** What there is to say about one policy now. */
export interface PolicyReport {
  readonly outcome: Outcome;
  readonly compiled?: CompiledPolicy;
  /** Absent when requests are denied. */
  readonly observation?: Observation;
  /** Whether the first attempt at keys and the self-test have ended: before that a status would only say Pending. */
  readonly isSettled: boolean;
}

export interface Enforcement {
  /** Compiles the inputs and puts the result in force at once; returns it. */
  apply(inputs: Inputs): Compilation;
  /** The snapshot in force; undefined before the first `apply`. */
  currentSnapshot(): Snapshot | undefined;
  reports(): readonly PolicyReport[];
}

export interface EnforcementParts {
  readonly keyStore: KeyStore;
  /** Absent without an API server. */
  readonly apiServer?: Pick<ApiServerHealth, 'start' | 'state'>;
  readonly selfTests: Pick<SelfTestSchedule, 'retain' | 'outcomeOf'>;
  /** What callers of a configuration met with, if anything is known of them. */
  readonly callersOf: (policy: CompiledPolicy) => CallerFacts | undefined;
  /** Whether every live replica enforces the same. */
  readonly hasReachedAll: (policy: CompiledPolicy) => boolean;
  /** Whether what upstreams are told of callers is signed. Absent: it never is. */
  readonly signsAssertions?: () => boolean;
  /** Stored verdicts of other versions do not count. */
  readonly operatorVersion: string;
  /** Called after another snapshot has been put in force; `isFirst`: there was none before. */
  readonly onSnapshot: (compilation: Compilation, isFirst: boolean) => void;
  /** Called when {@link Enforcement.reports} may have changed. */
  readonly onReports: () => void;
}

/** The one mutable cell: inputs go in, the snapshot in force and what is known about it come out. */
export function createEnforcement({
  keyStore,
  apiServer,
  selfTests,
  callersOf,
  hasReachedAll,
  signsAssertions = () => false,
  operatorVersion,
  onSnapshot,
  onReports,
}: EnforcementParts): Enforcement {
  let compilation: Compilation | undefined;
  let cluster = noCluster;
  const judge = rememberJudgements(judgePolicy);

  return {
    apply(inputs) {
      const next = compile(inputs, judge);
      const isFirst = compilation === undefined;
      const changed = next.snapshot.digest !== compilation?.snapshot.digest;
      compilation = next;
      cluster = inputs.cluster;
      const enforced = [...next.snapshot.policies.values()].filter(isEnforced);
      keyStore.retain(
        enforced.flatMap(({ namespace, verifier }) =>
          verifier.mode === 'TokenReview' ? [] : [{ owner: namespace, config: verifier.keySource }],
        ),
      );
      if (enforced.some(({ verifier }) => verifier.mode === 'TokenReview')) apiServer?.start();
      selfTests.retain(isFirst ? withVerdicts(enforced, inputs) : enforced.map((policy) => ({ policy })));
      if (changed) onSnapshot(next, isFirst);
      onReports();
      return next;
    },
    currentSnapshot: () => compilation?.snapshot,
    reports: () => (compilation?.outcomes ?? []).map(report),
  };

  /** After a restart: what an earlier process has found about the very same configurations is not tested again. */
  function withVerdicts(enforced: readonly EnforcedPolicy[], { policies }: Inputs): readonly TestedPolicy[] {
    const objects = new Map<string, UntypedObject>(
      policies.map(({ object }) => [objectKey(object.metadata), object]),
    );
    return enforced.map((policy) => {
      const verdict = storedVerdict(objects.get(objectKey(policy)), policy, operatorVersion);
      return verdict === undefined ? { policy } : { policy, storedVerdict: verdict };
    });
  }

  function report(outcome: Outcome): PolicyReport {
    const compiled = compilation?.snapshot.policies.get(objectKey(outcome));
    if (compiled === undefined) return { outcome, isSettled: true };
    if (!isEnforced(compiled)) return { outcome, compiled, isSettled: true };
    const issuer = observeIssuer(compiled.verifier, cluster);
    const tried = selfTests.outcomeOf(compiled.digest);
    const callers = callersOf(compiled);
    const observation: Observation = {
      ...(hasReachedAll(compiled) ? {} : { awaitsReplicas: true }),
      ...(compiled.upstream === undefined || signsAssertions() ? {} : { lacksAssertion: true }),
      issuer,
      ...(tried === undefined ? {} : { selfTest: tried }),
      ...(callers === undefined ? {} : { callers }),
    };
    return { outcome, compiled, observation, isSettled: issuer.kind !== 'pending' && tried !== undefined };
  }

  function observeIssuer(verifier: EnforcedConfig, facts: ClusterFacts): IssuerObservation {
    if (verifier.mode !== 'TokenReview') return observeKeys(keyStore.find(verifier.keySource.id), verifier);
    return observeApiServer(apiServer?.state() ?? { tried: false }, verifier, facts);
  }
}

function isEnforced(policy: CompiledPolicy): policy is EnforcedPolicy {
  return policy.verifier.mode !== 'deny';
}
