/**
 * A small API server on loopback: paged lists, watches with bookmarks, optimistic locking of a status, and every way
 * in which a real one, or what lies between, misbehaves.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import {
  breakWatch,
  failRequest,
  type RequestFault,
  sendJson,
  sendStatus,
  sendWritten,
  type WatchFault,
} from './fake-faults.ts';
import {
  isSelected,
  type RecordedRequest,
  readPath,
  recordRequest,
  type Target,
  toMetadata,
  type Verb,
} from './fake-request.ts';
import { type FakeChange, type FakeObject, FakeStore } from './fake-store.ts';

interface OpenWatch {
  readonly target: Target;
  readonly labelSelector: string | undefined;
  readonly metadataOnly: boolean;
  readonly response: ServerResponse;
  isStalled: boolean;
}

export class FakeApiServer {
  readonly store = new FakeStore((change) => this.#announce(change));
  readonly requests: RecordedRequest[] = [];
  /** JSON that is answered under a path, whatever the request. */
  readonly answers = new Map<string, unknown>();
  /** Objects in a page, at most; whatever the request asks for. */
  pageSize = 1000;
  /** Sends each watch line in pieces, a turn of the event loop apart. */
  isSlow = false;
  /** Tells open watches nothing of what changes. */
  isMute = false;
  /** Plurals that are not served, as if their CRD did not exist. */
  readonly unknown = new Set<string>();
  /** When set, requests with any other are answered 401. */
  acceptedToken: string | undefined;
  /** Asked for the `Date` of each answer, or several, or none; when undefined it is that of this machine. */
  dates: (() => readonly string[]) | undefined;
  readonly #faults = new Map<Verb, RequestFault[]>();
  readonly #watches = new Set<OpenWatch>();
  readonly #pages = new Map<string, readonly FakeObject[]>();
  readonly #sockets = new Map<Socket, number>();
  readonly #server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>;
  readonly #scheme: string;
  #port = 0;
  #connections = 0;

  constructor(tls?: { readonly key: string; readonly cert: string }) {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#answer(request, response);
    };
    this.#scheme = tls === undefined ? 'http' : 'https';
    this.#server =
      tls === undefined
        ? createServer(listener)
        : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener);
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#connections += 1;
      this.#sockets.set(socket, this.#connections);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}`;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and cuts all connections; nothing is forgotten. */
  async stop(): Promise<void> {
    if (this.#server.listening) {
      const closed = new Promise((resolve) => this.#server.close(resolve));
      for (const socket of this.#sockets.keys()) {
        socket.destroy();
      }
      await closed;
    }
  }

  /** Presents another certificate from the next connection on. */
  useCertificate(tls: { readonly key: string; readonly cert: string }): void {
    if ('setSecureContext' in this.#server) {
      this.#server.setSecureContext(tls);
    }
  }

  /** Lets the next request of this kind fail; several are used up in order. */
  failNext(verb: Verb, ...faults: readonly RequestFault[]): void {
    this.#faults.set(verb, [...(this.#faults.get(verb) ?? []), ...faults]);
  }

  requestsOf(verb: Verb): readonly RecordedRequest[] {
    return this.requests.filter((request) => request.verb === verb);
  }

  /** Forgets the history and all continue tokens. */
  compact(): void {
    this.store.compact();
    this.#pages.clear();
  }

  bookmark(): void {
    const metadata = { resourceVersion: `${this.store.version}` };
    this.sendEvent('BOOKMARK', { kind: 'Any', apiVersion: 'v1', metadata });
  }

  /** Tells all open watches something, true or not. */
  sendEvent(type: string, object: unknown): void {
    for (const watch of this.#watches) {
      this.#send(watch, JSON.stringify({ type, object }));
    }
  }

  breakWatches(fault: WatchFault): void {
    for (const watch of this.#watches) {
      breakWatch(watch.response, fault);
      if (fault === 'stall') {
        watch.isStalled = true;
      } else {
        this.#watches.delete(watch);
      }
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorded = await recordRequest(request, this.#sockets.get(request.socket) ?? 0);
    this.requests.push(recorded);
    if (this.dates !== undefined) {
      response.sendDate = false;
      response.setHeader('date', this.dates());
    }
    const fault = this.#faults.get(recorded.verb)?.shift();
    const isUnauthorized =
      this.acceptedToken !== undefined && recorded.headers.authorization !== `Bearer ${this.acceptedToken}`;
    if (isUnauthorized) {
      sendStatus(response, 401, 'Unauthorized');
    } else if (fault !== undefined) {
      failRequest(request, response, fault);
    } else {
      this.#serve(recorded, readPath(recorded.path), response);
    }
  }

  #serve(request: RecordedRequest, target: Target, response: ServerResponse): void {
    const { verb, path, query, headers, body } = request;
    const { plural, namespace, name } = target;
    const key = `${namespace}/${name}`;
    const metadataOnly = headers.accept?.includes('as=PartialObjectMetadata') === true;
    const answer = this.answers.get(path);
    if (answer !== undefined) {
      sendJson(response, verb === 'create' ? 201 : 200, answer);
    } else if (this.unknown.has(plural)) {
      sendStatus(response, 404, 'NotFound');
    } else if (verb === 'list') {
      this.#list(target, query, metadataOnly, response);
    } else if (verb === 'watch') {
      const { labelSelector, resourceVersion } = query;
      this.#watch(
        { target, labelSelector, metadataOnly, response, isStalled: false },
        Number(resourceVersion),
      );
    } else if (verb === 'create' && plural === 'leases') {
      sendWritten(response, this.store.create(plural, `${namespace}`, body ?? {}), 201);
    } else {
      this.#serveObject(request, plural, key, response);
    }
  }

  #serveObject({ verb, body }: RecordedRequest, plural: string, key: string, response: ServerResponse): void {
    if (verb === 'patch' && plural === 'leases') {
      // An apply creates what is not there.
      sendWritten(response, this.store.put(plural, key, body));
    } else if (this.store.get(plural, key) === undefined) {
      sendStatus(response, 404, 'NotFound');
    } else if (verb === 'remove') {
      this.store.remove(plural, key);
      sendJson(response, 200, { kind: 'Status', status: 'Success' });
    } else if (verb === 'get') {
      sendWritten(response, this.store.get(plural, key));
    } else {
      const write = verb === 'update' ? this.store.update : this.store.applyStatus;
      sendWritten(response, write.call(this.store, plural, key, body ?? {}));
    }
  }

  #list(
    target: Target,
    query: RecordedRequest['query'],
    metadataOnly: boolean,
    response: ServerResponse,
  ): void {
    const rest =
      query.continue === undefined
        ? this.store
            .list(target.plural, target.namespace)
            .filter((object) => isSelected(object, query.labelSelector))
        : this.#pages.get(query.continue);
    if (rest === undefined) {
      sendStatus(response, 410, 'Expired');
      return;
    }
    const limit = Math.min(this.pageSize, Number(query.limit));
    const metadata: Record<string, string> = { resourceVersion: `${this.store.version}` };
    if (rest.length > limit) {
      metadata.continue = `page-${this.#pages.size}-${this.store.version}`;
      this.#pages.set(metadata.continue, rest.slice(limit));
    }
    const items = rest.slice(0, limit).map((object) => (metadataOnly ? toMetadata(object) : object));
    sendJson(response, 200, { kind: 'AnyList', apiVersion: 'v1', metadata, items });
  }

  #watch(watch: OpenWatch, version: number): void {
    const missed = this.store.changesSince(version);
    if (missed === undefined) {
      sendStatus(watch.response, 410, 'Expired');
      return;
    }
    watch.response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    watch.response.once('close', () => this.#watches.delete(watch));
    this.#watches.add(watch);
    for (const change of missed) {
      this.#tell(watch, change);
    }
  }

  #announce(change: FakeChange): void {
    for (const watch of this.isMute ? [] : this.#watches) {
      this.#tell(watch, change);
    }
  }

  #tell(watch: OpenWatch, { plural, type, object }: FakeChange): void {
    const { namespace = object.metadata.namespace, plural: watched } = watch.target;
    const isMeant = plural === watched && namespace === object.metadata.namespace;
    if (isMeant && isSelected(object, watch.labelSelector)) {
      this.#send(watch, JSON.stringify({ type, object: watch.metadataOnly ? toMetadata(object) : object }));
    }
  }

  #send({ response, isStalled }: OpenWatch, line: string): void {
    if (isStalled) {
      return;
    }
    if (this.isSlow) {
      const middle = Math.floor(line.length / 2);
      response.write(line.slice(0, middle));
      setImmediate(() => response.write(`${line.slice(middle)}\n`));
    } else {
      response.write(`${line}\n`);
    }
  }
}
