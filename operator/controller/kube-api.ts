/**
 * The API server over node:https and HTTP/1.1, behind a few narrow calls.
 *
 * Calls share one keep-alive agent; each watch has a connection of its own, so that a dead one cannot take calls or
 * other watches with it. HTTP/2 would put all of them on one connection.
 */
import {
  type Agent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  Agent as PlainAgent,
  request as requestHttp,
} from 'node:http';
import { type RequestOptions, request as requestHttps, Agent as TlsAgent } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { ApiServerMetrics } from '../telemetry/api-server-metrics.ts';
import type { Clock } from '../time/clock.ts';
import { type Deadline, startDeadline, untilAborted } from '../time/deadline.ts';
import {
  type ListPage,
  readBytes,
  readError,
  readJson,
  readListPage,
  readWatchEvent,
  type WatchEvent,
} from './api-answer.ts';
import { ApiError, detailOf, localError, toApiError } from './api-error.ts';
import { clockOffsetSeconds } from './clock-offset.ts';
import { readJsonLines } from './json-lines.ts';

/** Query parameters; those that are undefined are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ReadOptions {
  /** Asks for `PartialObjectMetadata`: the objects' metadata without their content. */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** The API server. Every failure is an `ApiError`; every call ends within its deadline. */
export interface KubeApi {
  /** Gets one page of a collection; `query` may hold `limit`, `continue` and selectors. */
  list(path: string, query: Query, options?: ReadOptions): Promise<ListPage>;
  /**
   * Watches a collection. Ends when the server ends it; throws when the connection breaks or nothing, not even a
   * bookmark, has arrived for 55 s: whoever watches asks for a shorter watch, so that its end is always heard. Leaving the
   * loop closes the connection.
   */
  watch(path: string, query: Query, options?: ReadOptions): AsyncIterable<WatchEvent>;
  /** Gets one object. */
  get(path: string, signal?: AbortSignal): Promise<unknown>;
  /** Gets a document as it is; `TooLarge` when it has more than `maxBytes`. */
  getBytes(path: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Creates an object, or asks a question that is put as one. Returns what the server answers. */
  create(path: string, body: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Replaces an object: only the version that `body` names, else 409. Returns the object that results. */
  update(path: string, body: unknown, signal?: AbortSignal): Promise<unknown>;
  /** Deletes one object. */
  remove(path: string, signal?: AbortSignal): Promise<void>;
  /** Patches one object; the body is sent as JSON whatever the content type. Returns the object that results. */
  patch(
    path: string,
    body: unknown,
    contentType: string,
    query: Query,
    signal?: AbortSignal,
  ): Promise<unknown>;
  /** The bearer token that calls carry now; undefined when they carry none (a client certificate, for instance). */
  ownToken(signal?: AbortSignal): Promise<string | undefined>;
  /** Closes the connections of calls. Watches end by their signals. */
  close(): void;
}

export interface KubeApiOptions {
  /** URL of the API server; it may have a path. */
  readonly server: string;
  /** Adds credentials, CA and, where a proxy is needed, an agent to a request. */
  readonly authenticate: (options: RequestOptions) => Promise<void>;
  /** Called when what `authenticate` gives may be out of date: after a 401, a TLS error or a timeout. */
  readonly renew: () => void;
  readonly clock: Clock;
  readonly metrics?: Pick<ApiServerMetrics, 'noteRequest'> | undefined;
}

interface Exchange {
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST' | 'PUT';
  readonly path: string;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const callDeadlineMs = 10_000;
const watchInactivityMs = 55_000;
const maxBodyBytes = 32 * 1024 * 1024;
const maxLineBytes = 8 * 1024 * 1024;
const maxConnections = 8;
// Shorter than the API server's own limit (90 s): else a request may meet a connection that is being closed.
const idleConnectionMs = 60_000;

// Keeps middle boxes from forgetting a quiet watch.
const tcpKeepAliveMs = 30_000;

/** Creates the calls; nothing is sent yet. */
export function createKubeApi(options: KubeApiOptions): KubeApi {
  const { clock } = options;
  let agent = createAgent(options.server);

  /** Tells what was thrown, and lets go of what may be stale. */
  function explain(error: unknown, deadline: Deadline): ApiError {
    const failure = toApiError(deadline.signal.aborted ? deadline.signal.reason : error);
    if (failure.code === 401 || failure.reason === 'Timeout' || failure.reason === 'TLSFailed') {
      // The old agent is not destroyed: other calls may be using it. Its idle connections time out.
      agent = createAgent(options.server);
      options.renew();
    }
    return failure;
  }

  async function inTime<T>(work: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> {
    const deadline = startDeadline(clock, callDeadlineMs, outer);
    try {
      return await work(deadline.signal);
    } catch (error) {
      throw explain(error, deadline);
    } finally {
      deadline.end();
    }
  }

  function call(exchange: Exchange, outer?: AbortSignal): Promise<unknown> {
    return inTime(
      async (signal) => readJson(await send(options, exchange, agent, signal), maxBodyBytes),
      outer,
    );
  }

  async function* watch(
    path: string,
    query: Query,
    { metadataOnly, signal }: ReadOptions = {},
  ): AsyncGenerator<WatchEvent, void, undefined> {
    const deadline = startDeadline(clock, watchInactivityMs, signal);
    const headers = { accept: metadataOnly ? asMetadata('PartialObjectMetadata') : json };
    try {
      const exchange = { method: 'GET', path, query: { ...query, watch: true }, headers } as const;
      const response = await send(options, exchange, false, deadline.signal);
      const chunks = eachChunk(response, deadline.restart);
      for await (const line of readJsonLines(chunks, maxLineBytes)) {
        yield readWatchEvent(line);
      }
    } catch (error) {
      throw explain(error, deadline);
    } finally {
      deadline.end();
    }
  }

  return {
    async list(path, query, { metadataOnly, signal } = {}) {
      const headers = { accept: metadataOnly ? asMetadata('PartialObjectMetadataList') : json };
      return readListPage(await call({ method: 'GET', path, query, headers }, signal));
    },
    watch,
    get: (path, signal) => call({ method: 'GET', path, query: {}, headers: { accept: json } }, signal),
    getBytes(path, maxBytes, outer) {
      const exchange = { method: 'GET', path, query: {}, headers: asItIs } as const;
      return inTime(
        async (signal) => readBytes(await send(options, exchange, agent, signal), maxBytes),
        outer,
      );
    },
    create(path, body, signal) {
      return call({ method: 'POST', path, query: {}, headers: jsonBody, body: JSON.stringify(body) }, signal);
    },
    update(path, body, signal) {
      return call({ method: 'PUT', path, query: {}, headers: jsonBody, body: JSON.stringify(body) }, signal);
    },
    async remove(path, signal) {
      await call({ method: 'DELETE', path, query: {}, headers: { accept: json } }, signal);
    },
    patch(path, body, contentType, query, signal) {
      const headers = { accept: json, 'content-type': contentType };
      return call({ method: 'PATCH', path, query, headers, body: JSON.stringify(body) }, signal);
    },
    ownToken: (outer) => inTime((signal) => readOwnToken(options, signal), outer),
    close: () => agent.destroy(),
  };
}

const json = 'application/json';
const jsonBody = { accept: json, 'content-type': json };
const asItIs = { accept: '*/*', 'accept-encoding': 'identity' };

function asMetadata(kind: string): string {
  return `${json};as=${kind};g=meta.k8s.io;v=v1`;
}

function createAgent(server: string): Agent {
  // Last in, first out: calls one after the other use one connection.
  const limits = {
    keepAlive: true,
    maxSockets: maxConnections,
    scheduling: 'lifo',
    timeout: idleConnectionMs,
  } as const;
  return isPlain(server) ? new PlainAgent(limits) : new TlsAgent(limits);
}

function isPlain(server: string): boolean {
  return server.startsWith('http:');
}

/** Sends a request and waits for a successful answer's head. */
async function send(
  api: KubeApiOptions,
  { method, path, query, headers, body }: Exchange,
  agent: Agent | false,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const base = new URL(api.server);
  const { hostname, port } = urlToHttpOptions(base);
  const options: RequestOptions = {
    ...{ method, hostname, port, agent, signal },
    path: `${base.pathname.replace(/\/$/, '')}${path}${formatQuery(query)}`,
    headers: { 'user-agent': 'mcp-auth-operator', ...headers },
  };
  await addCredentials(api, options, signal);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = isPlain(api.server) ? requestHttp(options) : requestHttps(options);
  outgoing.on('response', resolve).on('error', reject);
  outgoing.setSocketKeepAlive(true, tcpKeepAliveMs);
  const startedMs = api.clock.monotonicMs();
  const note = (answer?: IncomingMessage): void => {
    const tookMs = api.clock.monotonicMs() - startedMs;
    const date = answer?.headers.date;
    api.metrics?.noteRequest({
      ...{ method, host: base.host, code: answer?.statusCode, seconds: tookMs / 1000 },
      clockOffsetSeconds: clockOffsetSeconds({ date, receivedMs: api.clock.nowMs(), tookMs }),
    });
  };
  outgoing.end(body);
  const response = await promise.catch((error: unknown) => {
    note();
    throw error;
  });
  note(response);
  const { statusCode = 0 } = response;
  if (statusCode < 200 || statusCode > 299) {
    throw await readError(response);
  }
  return response;
}

async function addCredentials(
  { authenticate }: KubeApiOptions,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<void> {
  await untilAborted(authenticate(options), signal).catch((error: unknown) => {
    throw error instanceof ApiError ? error : localError('CredentialsFailed', detailOf(error));
  });
}

async function readOwnToken(api: KubeApiOptions, signal: AbortSignal): Promise<string | undefined> {
  const headers: OutgoingHttpHeaders = {};
  await addCredentials(api, { headers }, signal);
  const { Authorization: credentials } = headers;
  return typeof credentials === 'string' ? /^Bearer (\S+)$/.exec(credentials)?.[1] : undefined;
}

function formatQuery(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) {
      given.set(name, `${value}`);
    }
  }
  return given.size === 0 ? '' : `?${given}`;
}

async function* eachChunk(
  response: IncomingMessage,
  onChunk: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of response as AsyncIterable<Buffer>) {
    onChunk();
    yield chunk;
  }
}
