import { Histogram, type Registry } from 'prom-client';

/** How long callers wait for us, and for what is behind us. */
export interface RequestTimes {
  /** From a request's head to what the gate decided by it; the verifier's mode of its policy, `none` without one. */
  noteDecisionTime(mode: DecisionMode, seconds: number): void;
  /** From an admitted request's head to the head of its answer, with the answer's HTTP status. */
  noteAnswerTime(backend: AnsweringBackend, status: number, seconds: number): void;
}

const decisionModes = ['OIDC', 'TokenReview', 'Offline', 'deny', 'none'] as const;
const backends = ['builtin', 'upstream'] as const;
const outcomes = ['answered', 'failed'] as const;
export type DecisionMode = (typeof decisionModes)[number];
export type AnsweringBackend = (typeof backends)[number];

/** Seconds: from a decision out of memory to the longest that anybody waits. */
export const requestBuckets = [
  ...[1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60],
];

export function createRequestTimes(registry: Registry): RequestTimes {
  const shared = { buckets: requestBuckets, registers: [registry] };
  const decisions = new Histogram({
    name: 'mcp_auth_decision_duration_seconds',
    help: 'From the head of a request to what was decided by it, by how its policy verifies tokens.',
    labelNames: ['mode'],
    ...shared,
  });
  const answers = new Histogram({
    name: 'mcp_auth_request_duration_seconds',
    help: 'From the head of an admitted request to the head of its answer, by who answered and whether with a 5xx.',
    labelNames: ['backend', 'outcome'],
    ...shared,
  });
  for (const mode of decisionModes) decisions.zero({ mode });
  for (const backend of backends) for (const outcome of outcomes) answers.zero({ backend, outcome });
  return {
    noteDecisionTime: (mode, seconds) => decisions.observe({ mode }, seconds),
    noteAnswerTime: (backend, status, seconds) =>
      answers.observe({ backend, outcome: status < 500 ? 'answered' : 'failed' }, seconds),
  };
}
