import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Every metric of the operator. Labels come from closed sets: none names a policy, an issuer or a caller. */
export interface Metrics {
  /** Counts a decision on the public port: the verifier's mode of its policy (`none` without one), and the reason. */
  countDecision(labels: DecisionLabels): void;
  /** Self-tests, by the mode of the policy and how they ended. */
  countSelfTest(mode: string, result: 'passed' | 'failed' | 'untested'): void;
  setPolicies(counts: Readonly<Record<PolicyState, number>>): void;
  /** Pairs of issuer and audience that policies of different namespaces accept. */
  setSharedAudiences(count: number): void;
  /** The administrator's file was read: it is in force, or bad and left alone. Epoch milliseconds. */
  noteReload(isGood: boolean, nowMs: number): void;
  /** Prometheus text exposition. */
  render(): Promise<string>;
}

/** Both from closed lists of ours: nothing that a caller sends may become a label. */
export type DecisionLabels = Readonly<Record<'mode' | 'reason', string>>;

export const policyStates = ['ready', 'not_ready', 'refused'] as const;
export type PolicyState = (typeof policyStates)[number];

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const decisions = new Counter({
    name: 'mcp_auth_decisions_total',
    help: 'Requests on the public port, by how their policy verifies tokens, what was decided and why.',
    labelNames: ['mode', 'reason'],
    registers: [registry],
  });
  const selfTests = new Counter({
    name: 'mcp_auth_self_tests_total',
    help: 'Self-tests of configurations, by mode and by whether they passed, failed or could not be run.',
    labelNames: ['mode', 'result'],
    registers: [registry],
  });
  const policies = new Gauge({
    name: 'mcp_auth_policies',
    help: 'Policies, by whether they are ready, enforced but not ready, or refused.',
    labelNames: ['state'],
    registers: [registry],
  });
  const shared = new Gauge({
    name: 'mcp_auth_shared_audiences',
    help: 'Pairs of issuer and audience that policies of different namespaces accept: tokens of one open the other.',
    registers: [registry],
  });
  const reloadSuccessful = new Gauge({
    name: 'mcp_auth_configuration_last_reload_successful',
    help: 'Whether the configuration file, as it was last read, is in force: 1, or 0 when it is bad and the one before stays.',
    registers: [registry],
  });
  const reloadTime = new Gauge({
    name: 'mcp_auth_configuration_last_reload_success_timestamp_seconds',
    help: 'When the configuration in force was last read, in seconds since 1970.',
    registers: [registry],
  });
  new Gauge({
    name: 'mcp_auth_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return {
    countDecision: (labels) => decisions.inc(labels),
    countSelfTest: (mode, result) => selfTests.inc({ mode, result }),
    setPolicies: (counts) => {
      for (const state of policyStates) policies.set({ state }, counts[state]);
    },
    setSharedAudiences: (count) => shared.set(count),
    noteReload: (isGood, nowMs) => {
      reloadSuccessful.set(isGood ? 1 : 0);
      if (isGood) reloadTime.set(nowMs / 1000);
    },
    render: () => registry.metrics(),
  };
}
