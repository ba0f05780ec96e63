import type { HeaderField } from '../../identity/identity-headers.ts';
import { headerValues, type RequestHead } from '../request-head.ts';
import { readTraceContext } from '../trace-context.ts';

/** What an upstream may see of a caller's request; everything else stays here, whatever its name looks like. */
const single = [
  'content-type',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'last-event-id',
  'user-agent',
] as const;

/** Several of these are one list (RFC 9110 section 5.3). */
const lists = ['accept', 'accept-language'] as const;

/** `x-mcp-header` parameters of tools (MCP 2026-07-28). No underscore: some servers take it for a hyphen. */
const parameter = /^mcp-param-[a-z0-9-]+$/;

/**
 * The headers of a request for its upstream, made anew. Neither credentials nor cookies, nothing about the way here, and
 * nothing that a browser adds.
 *
 * @returns undefined when one that must be single is there several times: the two sides could choose differently.
 */
export function readPassedHeaders(head: RequestHead): readonly HeaderField[] | undefined {
  const names = [...single, ...parametersIn(head)];
  const values = names.map((name) => [name, headerValues(head, name)] as const);
  if (values.some(([, found]) => found.length > 1)) return undefined;
  const trace = readTraceContext(head);
  return [
    ...values.flatMap(([name, [value]]) => (value === undefined ? [] : [[name, value] as const])),
    ...lists.flatMap((name) => {
      const found = headerValues(head, name);
      return found.length === 0 ? [] : [[name, found.join(', ')] as const];
    }),
    ...(trace === undefined ? [] : [['traceparent', trace.traceparent] as const]),
    ...(trace?.tracestate === undefined ? [] : [['tracestate', trace.tracestate] as const]),
  ];
}

function parametersIn({ rawHeaders }: RequestHead): readonly string[] {
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  return [...new Set(names.filter((name) => parameter.test(name)))];
}

export type Framing =
  | { readonly kind: 'none' | 'chunked' }
  | { readonly kind: 'length'; readonly length: string };

/**
 * How the body goes on: with its length, in chunks, or not at all. Undefined for one that MCP does not know: a body of
 * anything but a POST.
 */
export function readFraming(head: RequestHead): Framing | undefined {
  const [length] = headerValues(head, 'content-length');
  const isChunked = headerValues(head, 'transfer-encoding').length > 0;
  const isEmpty = !isChunked && (length === undefined || /^0+$/.test(length));
  if (head.method !== 'POST') return isEmpty ? { kind: 'none' } : undefined;
  if (isChunked) return { kind: 'chunked' };
  return { kind: 'length', length: length ?? '0' };
}
