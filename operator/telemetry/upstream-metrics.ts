import { Counter, Histogram, type Registry } from 'prom-client';
import { requestBuckets } from './request-times.ts';

/** What becomes of requests that are passed on to MCP servers. */
export interface UpstreamMetrics {
  /** An upstream has begun its answer, whatever its status: so long after it was dialled or a held connection was taken. */
  noteAnswer(seconds: number): void;
  /** A request failed at its upstream, before the answer or inside it. Once for each request. */
  countFailure(cause: UpstreamFailure): void;
}

/**
 * `refused`: there was no connection to be had. `tls`: its certificate or handshake is not good. `timeout`: no connection,
 * or no head of an answer, in time. `reset`: the connection broke. `silent`: nothing more came of an answer that is no
 * event stream. `bad_answer`: it is no HTTP, or none any more, or nothing that may be passed on. `too_large`: it had to be looked
 * into, and is larger than it may be, or than what is left of the policy's share.
 */
const upstreamFailures = ['refused', 'tls', 'timeout', 'reset', 'silent', 'bad_answer', 'too_large'] as const;
export type UpstreamFailure = (typeof upstreamFailures)[number];

export function createUpstreamMetrics(registry: Registry): UpstreamMetrics {
  const registers = [registry];
  const answers = new Histogram({
    name: 'mcp_auth_upstream_answer_duration_seconds',
    help: 'From passing a request on to its upstream to the head of the answer: what of the time is not ours.',
    buckets: requestBuckets,
    registers,
  });
  const failures = new Counter({
    name: 'mcp_auth_upstream_failures_total',
    help: 'Requests that failed at their upstream, by cause. A status of 5xx is an answer and no failure.',
    labelNames: ['cause'],
    registers,
  });
  for (const cause of upstreamFailures) failures.inc({ cause }, 0);
  return {
    noteAnswer: (seconds) => answers.observe(seconds),
    countFailure: (cause) => failures.inc({ cause }),
  };
}
