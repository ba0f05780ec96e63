import { objectKey } from '../api/kubernetes-object.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { type Compilation, compile } from '../policy/compile.ts';
import type { Outcome } from '../policy/finding.ts';
import type { Inputs } from '../policy/inputs.ts';
import type { CallerFacts, Observation, SelfTestResult } from '../policy/observation.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import type { JwtVerifierConfig } from '../policy/verifier-config.ts';
import type { SelfTest } from '../self-test/self-test.ts';
import { observeKeys } from './key-observation.ts';

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
  readonly selfTest: SelfTest;
  /** What callers of a configuration met with, if anything is known of them. */
  readonly callersOf: (policy: CompiledPolicy) => CallerFacts | undefined;
  /** Called after another snapshot has been put in force. */
  readonly onSnapshot: (compilation: Compilation) => void;
  /** Called when {@link Enforcement.reports} may have changed. */
  readonly onReports: () => void;
}

type JwtPolicy = CompiledPolicy & { readonly verifier: JwtVerifierConfig };

/** The one mutable cell: inputs go in, the snapshot in force and what is known about it come out. */
export function createEnforcement({
  keyStore,
  selfTest,
  callersOf,
  onSnapshot,
  onReports,
}: EnforcementParts): Enforcement {
  let compilation: Compilation | undefined;
  let tests = new Map<string, SelfTestResult | undefined>();

  return {
    apply(inputs) {
      const next = compile(inputs);
      const changed = next.snapshot.digest !== compilation?.snapshot.digest;
      compilation = next;
      const enforced = [...next.snapshot.policies.values()].filter(isEnforced);
      keyStore.retain(
        enforced.map(({ namespace, verifier }) => ({ owner: namespace, config: verifier.keySource })),
      );
      testAll(enforced);
      if (changed) onSnapshot(next);
      onReports();
      return next;
    },
    currentSnapshot: () => compilation?.snapshot,
    reports: () => (compilation?.outcomes ?? []).map(report),
  };

  /** Tests what has not been tested; results of configurations that are gone are forgotten. */
  function testAll(enforced: readonly JwtPolicy[]): void {
    const known = tests;
    tests = new Map(enforced.map(({ digest }) => [digest, known.get(digest)]));
    for (const policy of enforced) {
      if (known.has(policy.digest)) continue;
      void runTest(policy).then((result) => {
        if (!tests.has(policy.digest)) return;
        tests.set(policy.digest, result);
        onReports();
      });
    }
  }

  /** A test that cannot run has shown nothing: it has failed. */
  async function runTest(policy: JwtPolicy): Promise<SelfTestResult> {
    try {
      return await selfTest(policy);
    } catch {
      return { configDigest: policy.digest, checks: 0, failed: ['self-test'] };
    }
  }

  function report(outcome: Outcome): PolicyReport {
    const compiled = compilation?.snapshot.policies.get(objectKey(outcome));
    if (compiled === undefined) return { outcome, isSettled: true };
    if (!isEnforced(compiled)) return { outcome, compiled, isSettled: true };
    const keys = observeKeys(keyStore.find(compiled.verifier.keySource.id), compiled.verifier);
    const result = tests.get(compiled.digest);
    const callers = callersOf(compiled);
    const observation: Observation = {
      keys,
      ...(result === undefined ? {} : { selfTest: result }),
      ...(callers === undefined ? {} : { callers }),
    };
    return { outcome, compiled, observation, isSettled: keys.kind !== 'pending' && result !== undefined };
  }
}

function isEnforced(policy: CompiledPolicy): policy is JwtPolicy {
  return policy.verifier.mode !== 'deny';
}
