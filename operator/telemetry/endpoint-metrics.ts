import { Counter, Gauge, type Registry } from 'prom-client';

/** What becomes of requests on the public port. */
export interface EndpointMetrics {
  /** Counts a decision: the verifier's mode of its policy (`none` without one), and the reason. */
  countDecision(labels: DecisionLabels, policy?: CountedPolicy): void;
  /** Whether decisions are counted by policy too, as an administrator wants it; switched off, what was counted goes. */
  countByPolicy(isWanted: boolean): void;
  /** Asks at each scrape how many admitted requests are being answered. */
  followInFlight(count: () => number): void;
  /** Asks at each scrape how many of them are event streams. */
  followStreams(count: () => number): void;
}

/** Both from closed lists of ours: nothing that a caller sends may become a label. */
export type DecisionLabels = Readonly<Record<'mode' | 'reason', string>>;

export interface CountedPolicy {
  readonly namespace: string;
  readonly name: string;
}

export function createEndpointMetrics(registry: Registry): EndpointMetrics {
  const registers = [registry];
  let countInFlight = (): number => 0;
  let countStreams = (): number => 0;
  const decisions = new Counter({
    name: 'mcp_auth_decisions_total',
    help: 'Requests on the public port, by how their policy verifies tokens, what was decided and why.',
    labelNames: ['mode', 'reason'],
    registers,
  });
  let isCountedByPolicy = false;
  const byPolicy = new Counter({
    name: 'mcp_auth_policy_decisions_total',
    help: 'The same by policy, where the administrator wants it: a series for each policy and reason.',
    labelNames: ['namespace', 'policy', 'reason'],
    registers,
  });
  new Gauge({
    name: 'mcp_auth_admitted_requests_in_flight',
    help: 'Admitted requests, streams included, that are being answered.',
    registers,
    collect() {
      this.set(countInFlight());
    },
  });
  new Gauge({
    name: 'mcp_auth_open_streams',
    help: 'Answers of admitted requests that are event streams and have not ended.',
    registers,
    collect() {
      this.set(countStreams());
    },
  });
  return {
    countDecision(labels, policy) {
      decisions.inc(labels);
      if (!isCountedByPolicy || policy === undefined) return;
      const { namespace, name } = policy;
      byPolicy.inc({ namespace, policy: name, reason: labels.reason });
    },
    countByPolicy(isWanted) {
      isCountedByPolicy = isWanted;
      if (!isWanted) byPolicy.reset();
    },
    followInFlight(count) {
      countInFlight = count;
    },
    followStreams(count) {
      countStreams = count;
    },
  };
}
