import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the API server is asked, under the names of client-go; and what it says of tokens and of the time. */
export interface ApiServerMetrics {
  /** Counts a request whose answer has begun, or will not come. */
  noteRequest(request: ApiRequest): void;
  countReview(outcome: ReviewOutcomeName): void;
}

export interface ApiRequest {
  readonly method: string;
  /** The API server's, as it is configured. */
  readonly host: string;
  /** The status code; absent when there was no answer. */
  readonly code?: number | undefined;
  /** From the request to the head of its answer, or to the failure. */
  readonly seconds: number;
  /** How far our wall clock is ahead of the server's, by what the answer says; absent when it says nothing that can be read. */
  readonly clockOffsetSeconds?: number | undefined;
}

const reviewOutcomes = ['authenticated', 'not_authenticated', 'failed'] as const;
export type ReviewOutcomeName = (typeof reviewOutcomes)[number];

/** Those of client-go, in seconds. */
const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export function createApiServerMetrics(registry: Registry): ApiServerMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server, by status code (`<error>` without an answer), method and host.',
    labelNames: ['code', 'method', 'host'],
    registers,
  });
  const time = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'How long the API server took to begin its answer.',
    labelNames: ['verb', 'host'],
    buckets,
    registers,
  });
  const clockOffset = new Gauge({
    name: 'mcp_auth_clock_offset_seconds',
    help: 'How far the wall clock of this process is ahead of the API server, by the Date of its last answer; negative when it is behind.',
    registers,
  });
  // A gauge without labels starts at 0, and that would say that the clocks agree.
  clockOffset.remove();
  const reviews = new Counter({
    name: 'mcp_auth_token_reviews_total',
    help: 'Tokens that the API server was asked about: those of callers, of self-tests and of probes.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of reviewOutcomes) reviews.inc({ outcome }, 0);
  return {
    noteRequest({ method, host, code, seconds, clockOffsetSeconds }) {
      requests.inc({ code: code === undefined ? '<error>' : `${code}`, method, host });
      time.observe({ verb: method, host }, seconds);
      if (clockOffsetSeconds !== undefined) clockOffset.set(clockOffsetSeconds);
    },
    countReview: (outcome) => reviews.inc({ outcome }),
  };
}
