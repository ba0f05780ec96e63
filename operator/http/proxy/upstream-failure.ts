import type { UpstreamFailure } from '../../telemetry/upstream-metrics.ts';
import { type Answer, refuse } from '../answer.ts';

/** Why an exchange with an upstream has come to nothing. */
export class UpstreamError extends Error {
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure) {
    super(`upstream: ${failure}`);
    this.failure = failure;
  }
}

const unreachable = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Names what Node threw while it spoke with an upstream. */
export function failureOf(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamError) return error.failure;
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code !== 'string') return 'reset';
  if (unreachable.has(code)) return 'refused';
  if (/^(HPE_|ERR_HTTP|ERR_INVALID)/.test(code)) return 'bad_answer';
  return /CERT|TLS|SSL|SIGNED|VERIFY|SIGNATURE|EPROTO/.test(code) ? 'tls' : 'reset';
}

/** What the client is told: nothing about where the upstream is, or what is wrong with it. */
export function answerFailure(failure: UpstreamFailure): Answer {
  switch (failure) {
    case 'timeout':
      return refuse(504, 'The MCP server behind this endpoint did not answer in time.');
    case 'too_large':
      return refuse(
        502,
        'The answer is larger than what is looked into here, as this resource has rules for tools.',
      );
    default:
      return refuse(
        502,
        'The MCP server behind this endpoint could not be reached, or gave no usable answer.',
      );
  }
}
