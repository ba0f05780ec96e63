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
const passed = ['content-type', 'content-length', 'cache-control', 'retry-after', 'allow'] as const;

/**
 * Judges the head of an upstream's answer.
 *
 * Refused are answers that would be taken for ours, or that lead the client elsewhere: 401 and 407 (the upstream's own
 * challenge says nothing about the token that the client has), 3xx, and 1xx as a last word. Also what cannot be read as it
 * is sent: encoded content, or one header with several values.
 *
 * @param rawHeaders - names and values in turn.
 * @returns undefined for a refused one.
 */
export function judgeAnswer(status: number, rawHeaders: readonly string[]): PassedAnswer | undefined {
  if (isRefused(status)) return undefined;
  const valuesOf = (name: string): readonly string[] => headerValues({ rawHeaders }, name);
  const found = passed.map((name) => [name, valuesOf(name)] as const);
  const sessionIds = valuesOf('mcp-session-id');
  const isSingle = [...found.map(([, values]) => values), sessionIds].every(({ length }) => length <= 1);
  if (!isSingle || valuesOf('content-encoding').some((coding) => coding.toLowerCase() !== 'identity')) {
    return undefined;
  }
  const [contentType = ''] = valuesOf('content-type');
  const [mediaType = ''] = contentType.split(';');
  const [sessionId] = sessionIds;
  return {
    status,
    headers: Object.fromEntries(
      found.flatMap(([name, [value]]) => (value === undefined ? [] : [[name, value]])),
    ),
    mediaType: mediaType.trim().toLowerCase(),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
}

function isRefused(status: number): boolean {
  return status < 200 || (status >= 300 && status < 400) || status === 401 || status === 407;
}
