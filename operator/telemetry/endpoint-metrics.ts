import { Counter, Gauge, type Registry } from 'prom-client';

/** What becomes of requests on the public port. */
export interface EndpointMetrics {
  /** Counts a decision: the verifier's mode of its policy (`none` without one), and the reason. */
  countDecision(labels: DecisionLabels): void;
  /** Asks at each scrape how many admitted requests are being answered. */
  followInFlight(count: () => number): void;
}

/** Both from closed lists of ours: nothing that a caller sends may become a label. */
export type DecisionLabels = Readonly<Record<'mode' | 'reason', string>>;

export function createEndpointMetrics(registry: Registry): EndpointMetrics {
  const registers = [registry];
  let countInFlight = (): number => 0;
  const decisions = new Counter({
    name: 'mcp_auth_decisions_total',
    help: 'Requests on the public port, by how their policy verifies tokens, what was decided and why.',
    labelNames: ['mode', 'reason'],
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
  return {
    countDecision: (labels) => decisions.inc(labels),
    followInFlight(count) {
      countInFlight = count;
    },
  };
}
