import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import type { FakeObject } from './fake-store.ts';

export type Verb = 'list' | 'watch' | 'get' | 'patch' | 'create' | 'update' | 'remove';

export interface RecordedRequest {
  readonly verb: Verb;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Which connection it came over. */
  readonly connection: number;
  /** SHA-256 fingerprint of the certificate that the client presented. */
  readonly clientCertificate?: string;
}

/** What a request is about. */
export interface Target {
  readonly namespace?: string;
  readonly plural: string;
  readonly name?: string;
}

/** Reads a request to its end. */
export async function recordRequest(request: IncomingMessage, connection: number): Promise<RecordedRequest> {
  const { pathname: path, searchParams } = new URL(request.url ?? '', 'http://any');
  const query = Object.fromEntries(searchParams);
  const verb = verbOf(request, readPath(path), query);
  const { socket, headers } = request;
  const clientCertificate =
    socket instanceof TLSSocket ? socket.getPeerCertificate().fingerprint256 : undefined;
  return {
    ...{ verb, path, query, headers, connection },
    ...(verb === 'patch' || verb === 'create' || verb === 'update'
      ? { body: (await json(request)) as Record<string, unknown> }
      : {}),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

/** What `PartialObjectMetadata` leaves of an object. */
export function toMetadata({ metadata }: FakeObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

/** Whether an object has the labels of a selector such as `a=b,c=d`. */
export function isSelected({ metadata }: FakeObject, selector = ''): boolean {
  const labels = (metadata.labels ?? {}) as Readonly<Record<string, unknown>>;
  return selector
    .split(',')
    .filter((term) => term !== '')
    .every((term) => labels[term.slice(0, term.indexOf('='))] === term.slice(term.indexOf('=') + 1));
}

/** What a path is about; the plural is empty when it is not that of objects. */
export function readPath(path: string): Target {
  const [, namespace, plural = '', name] =
    /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/status)?$/.exec(
      path,
    ) ?? [];
  return { plural, ...(namespace && { namespace }), ...(name && { name }) };
}

const writes: Readonly<Record<string, Verb>> = {
  PATCH: 'patch',
  POST: 'create',
  PUT: 'update',
  DELETE: 'remove',
};

/** What a request wants of the API server. */
export function verbOf(
  request: IncomingMessage,
  target: Target,
  query: Readonly<Record<string, string>>,
): Verb {
  const writing = writes[request.method ?? ''];
  if (writing !== undefined) {
    return writing;
  }
  return target.name !== undefined || target.plural === ''
    ? 'get'
    : query.watch === 'true'
      ? 'watch'
      : 'list';
}
