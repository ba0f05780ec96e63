import type { RequestId, RpcError } from './json-rpc.ts';

/** A whole response that is known before it is written. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * A refusal. The body is a JSON-RPC error with an `id` member, without which some MCP clients show no message. It says
 * nothing about what is behind the endpoint.
 */
export function refuse(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  // An application-defined code: the ranges that JSON-RPC and MCP reserve have other meanings.
  return refuseMessage(status, null, { code: status, message }, headers);
}

/** A refusal of what the body says; `id` is that of the message, null where it is not known. */
export function refuseMessage(
  status: number,
  id: RequestId | null,
  error: RpcError,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id, error }),
  };
}

/** 503: it cannot be decided now. Never a challenge, which would send the client to its authorization server. */
export function unavailable(
  retryAfterSeconds: number,
  message = 'The request cannot be decided at the moment; try again later.',
): Answer {
  const seconds = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  return refuse(503, message, { 'retry-after': seconds });
}

/** 503: the requests of the policy have taken all of its share. */
export function overloaded(): Answer {
  return unavailable(1, 'Too much is under way for this resource; try again later.');
}
