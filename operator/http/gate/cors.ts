import type { Answer } from '../answer.ts';
import { headerValues, type RequestHead } from '../request-head.ts';

export type OriginOutcome =
  /** No browser is asking. */
  | { readonly kind: 'none' }
  | { readonly kind: 'allowed'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'refused' };

/** Judges `Origin` (MCP Streamable HTTP: a listed one or none). Whole origins are compared, scheme and port included. */
export function judgeOrigin(head: RequestHead, allowedOrigins: readonly string[]): OriginOutcome {
  const [origin, ...others] = headerValues(head, 'origin');
  if (origin === undefined) return { kind: 'none' };
  if (others.length > 0 || !allowedOrigins.includes(origin)) return { kind: 'refused' };
  return {
    kind: 'allowed',
    headers: {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'WWW-Authenticate, Retry-After, Mcp-Session-Id',
      vary: 'Origin',
    },
  };
}

/** A browser asking beforehand whether it may ask: answered without a token, and reveals nothing. */
export function isPreflight(head: RequestHead): boolean {
  return head.method === 'OPTIONS' && headerValues(head, 'access-control-request-method').length > 0;
}

export const preflightAnswer: Answer = {
  status: 204,
  headers: {
    'access-control-allow-methods': 'POST, GET, DELETE',
    'access-control-allow-headers':
      'Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID',
    'access-control-max-age': '600',
  },
};
