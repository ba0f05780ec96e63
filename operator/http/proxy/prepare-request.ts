import type { HeaderField } from '../../identity/identity-headers.ts';
import type { Upstream } from '../../policy/snapshot.ts';
import { type Answer, refuse } from '../answer.ts';
import type { Admission, AdmittedRequest } from '../backend.ts';
import { headerValues, readHead } from '../request-head.ts';
import { type Framing, readFraming, readPassedHeaders } from './request-headers.ts';
import { openSession } from './session-seal.ts';

/** Who a caller is to an upstream. */
export interface CallerParts {
  /** What the upstream is told of the caller, beside what it gets of the request. */
  readonly identify: (admission: Admission) => Promise<readonly HeaderField[]>;
  /** The first seals sessions, all of them open. */
  readonly sessionKeys: () => readonly Uint8Array[];
}

export type PreparedRequest =
  | { readonly kind: 'send'; readonly method: string; readonly headers: readonly HeaderField[] }
  | { readonly kind: 'answer'; readonly answer: Answer };

/** Makes the head of the request that the upstream gets, or refuses to pass it on. */
export async function prepareRequest(
  { incoming, admission, body }: AdmittedRequest,
  upstream: Upstream,
  { identify, sessionKeys }: CallerParts,
): Promise<PreparedRequest> {
  const head = readHead(incoming);
  const passed = readPassedHeaders(head);
  const framing = readFraming(head);
  const [sealed, ...others] = headerValues(head, 'mcp-session-id');
  if (passed === undefined || framing === undefined || others.length > 0) {
    const message = 'A header is there more than once, or there is a body where MCP has none.';
    return { kind: 'answer', answer: refuse(400, message) };
  }
  const session = sealed === undefined ? undefined : openSession(sealed, admission, sessionKeys());
  if (sealed !== undefined && session === undefined) {
    // What a server says of a session that has ended: the client begins another.
    return { kind: 'answer', answer: refuse(404, 'There is no such session.') };
  }
  const headers: readonly HeaderField[] = [
    ['host', upstream.host],
    ...passed,
    // Answers may have to be looked into.
    ['accept-encoding', 'identity'],
    ...(session === undefined ? [] : [['mcp-session-id', session] as const]),
    ...(await identify(admission)),
    ...framingHeaders(framing, body),
  ];
  return { kind: 'send', method: head.method, headers };
}

/** A body that has been read has its length, however it arrived. */
function framingHeaders(framing: Framing, body: Uint8Array | undefined): readonly HeaderField[] {
  switch (framing.kind) {
    case 'none':
      return [];
    case 'chunked':
      return body === undefined ? [['transfer-encoding', 'chunked']] : [['content-length', `${body.length}`]];
    case 'length':
      return [['content-length', `${body?.length ?? framing.length}`]];
  }
}
