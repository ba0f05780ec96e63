import { Counter, Gauge, type Registry } from 'prom-client';

/** What is in force, and whether it has been shown to work. */
export interface PolicyMetrics {
  /** Self-tests, by the mode of the policy and how they ended. */
  countSelfTest(mode: TestedMode, result: SelfTestResult): void;
  setPolicies(counts: Readonly<Record<PolicyState, number>>): void;
  /** Pairs of issuer and audience that policies of different namespaces accept. */
  setSharedAudiences(count: number): void;
  /** Another snapshot is in force since then, in epoch milliseconds; the digest in its short form. */
  noteSnapshot(digest: string, nowMs: number): void;
  /** The administrator's file was read: it is in force, or bad and left alone. Epoch milliseconds. */
  noteReload(isGood: boolean, nowMs: number): void;
}

const testedModes = ['OIDC', 'TokenReview', 'Offline'] as const;
const selfTestResults = ['passed', 'failed', 'untested'] as const;
export const policyStates = ['ready', 'not_ready', 'refused'] as const;
export type TestedMode = (typeof testedModes)[number];
export type SelfTestResult = (typeof selfTestResults)[number];
export type PolicyState = (typeof policyStates)[number];

export function createPolicyMetrics(registry: Registry): PolicyMetrics {
  const registers = [registry];
  const selfTests = new Counter({
    name: 'mcp_auth_self_tests_total',
    help: 'Self-tests of configurations, by mode and by whether they passed, failed or could not be run.',
    labelNames: ['mode', 'result'],
    registers,
  });
  for (const mode of testedModes) for (const result of selfTestResults) selfTests.inc({ mode, result }, 0);
  const policies = new Gauge({
    name: 'mcp_auth_policies',
    help: 'Policies, by whether they are ready, enforced but not ready, or refused.',
    labelNames: ['state'],
    registers,
  });
  for (const state of policyStates) policies.set({ state }, 0);
  const shared = new Gauge({
    name: 'mcp_auth_shared_audiences',
    help: 'Pairs of issuer and audience that policies of different namespaces accept: tokens of one open the other.',
    registers,
  });
  const snapshot = new Gauge({
    name: 'mcp_auth_snapshot_info',
    help: 'Always 1; the label is the short digest of the snapshot in force. Replicas that enforce the same have the same.',
    labelNames: ['digest'],
    registers,
  });
  const snapshotTime = new Gauge({
    name: 'mcp_auth_snapshot_timestamp_seconds',
    help: 'When the snapshot in force was put there, in seconds since 1970; 0 before the first.',
    registers,
  });
  const reloadSuccessful = new Gauge({
    name: 'mcp_auth_configuration_last_reload_successful',
    help: 'Whether the configuration file, as it was last read, is in force: 1, or 0 when it is bad and the one before stays.',
    registers,
  });
  const reloadTime = new Gauge({
    name: 'mcp_auth_configuration_last_reload_success_timestamp_seconds',
    help: 'When the configuration in force was last read, in seconds since 1970.',
    registers,
  });
  return {
    countSelfTest: (mode, result) => selfTests.inc({ mode, result }),
    setPolicies: (counts) => {
      for (const state of policyStates) policies.set({ state }, counts[state]);
    },
    setSharedAudiences: (count) => shared.set(count),
    noteSnapshot: (digest, nowMs) => {
      // Only the current series may exist: a label from an open set would otherwise grow for ever.
      snapshot.reset();
      snapshot.set({ digest }, 1);
      snapshotTime.set(nowMs / 1000);
    },
    noteReload: (isGood, nowMs) => {
      reloadSuccessful.set(isGood ? 1 : 0);
      if (isGood) reloadTime.set(nowMs / 1000);
    },
  };
}
