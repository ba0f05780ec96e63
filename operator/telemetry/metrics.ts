import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Every metric of the operator. Labels come from closed sets: none names a policy, an issuer or a caller. */
export interface Metrics {
  /** Counts a decision on the public port: the verifier's mode of its policy (`none` without one), and the reason. */
  countDecision(labels: DecisionLabels): void;
  setPolicies(counts: Readonly<Record<PolicyState, number>>): void;
  /** Pairs of issuer and audience that policies of different namespaces accept. */
  setSharedAudiences(count: number): void;
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
  new Gauge({
    name: 'mcp_auth_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return {
    countDecision: (labels) => decisions.inc(labels),
    setPolicies: (counts) => {
      for (const state of policyStates) policies.set({ state }, counts[state]);
    },
    setSharedAudiences: (count) => shared.set(count),
    render: () => registry.metrics(),
  };
}
