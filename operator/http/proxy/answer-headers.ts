import { headerValues } from '../request-head.ts';

/** What of an upstream's answer goes to the client. */
export interface PassedAnswer {
  readonly status: number;
  /** Lower-case names; without the session id, which is sealed first. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lower case, without parameters; empty when there is none. */
  readonly mediaType: string;
  readonly sessionId?: string;
}

/**
 * No cookies (all tenants may share a host), no CORS (the gate answers for it), no challenge, no place to go on to, nothing
 * about the connection.
 */
const single = ['content-type', 'content-length', 'retry-after', 'mcp-session-id'] as const;

/** Several of these are one list (RFC 9110 section 5.3). */
const lists = ['cache-control', 'allow'] as const;

/**
 * Judges the head of an upstream's answer.
 *
 * Refused are answers that would be taken for ours, or that lead the client elsewhere: 401 and 407 (the upstream's own
 * challenge says nothing about the token that the client has), 3xx, and 1xx as a last word. Also what cannot be read as it
 * is sent: encoded content, or a header with several values that is no list.
 *
 * @param rawHeaders - names and values in turn.
 * @returns undefined for a refused one.
 */
export function judgeAnswer(status: number, rawHeaders: readonly string[]): PassedAnswer | undefined {
  if (isRefused(status)) return undefined;
  const valuesOf = (name: string): readonly string[] => headerValues({ rawHeaders }, name);
  const isClear = single.every((name) => valuesOf(name).length <= 1);
  const isPlain = valuesOf('content-encoding').every((coding) => coding.toLowerCase() === 'identity');
  if (!isClear || !isPlain) return undefined;
  const { 'mcp-session-id': sessionId, ...headers } = Object.fromEntries(
    [...single, ...lists].flatMap((name) => {
      const values = valuesOf(name);
      return values.length === 0 ? [] : [[name, values.join(', ')]];
    }),
  ) as Readonly<Record<string, string>>;
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  return {
    status,
    headers,
    mediaType: mediaType.trim().toLowerCase(),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
}

function isRefused(status: number): boolean {
  return status < 200 || (status >= 300 && status < 400) || status === 401 || status === 407;
}
