/**
 * The API server over node:https and HTTP/1.1, behind four narrow calls.
 *
 * Calls share one keep-alive agent; each watch has a connection of its own, so that a dead one cannot take calls or
 * other watches with it. HTTP/2 would put all of them on one connection.
 */
import { type Agent, type IncomingMessage, Agent as PlainAgent, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps, Agent as TlsAgent } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Clock } from '../time/clock.ts';
import { type Deadline, startDeadline, untilAborted } from '../time/deadline.ts';
import {
  type ListPage,
  readError,
  readJson,
  readListPage,
  readWatchEvent,
  type WatchEvent,
} from './api-answer.ts';
import { ApiError, detailOf, localError, toApiError } from './api-error.ts';
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
   * bookmark, has arrived for two minutes. Leaving the loop closes the connection.
   */
  watch(path: string, query: Query, options?: ReadOptions): AsyncIterable<WatchEvent>;
  /** Gets one object. */
  get(path: string, signal?: AbortSignal): Promise<unknown>;
  /** Patches one object; the body is sent as JSON whatever the content type. Returns the object that results. */
  patch(
    path: string,
    body: unknown,
    contentType: string,
    query: Query,
    signal?: AbortSignal,
  ): Promise<unknown>;
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
}

interface Exchange {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const callDeadlineMs = 10_000;
const watchInactivityMs = 120_000;
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

  async function call(exchange: Exchange, signal?: AbortSignal): Promise<unknown> {
    const deadline = startDeadline(clock, callDeadlineMs, signal);
    try {
      return await readJson(await send(options, exchange, agent, deadline.signal), maxBodyBytes);
    } catch (error) {
      throw explain(error, deadline);
    } finally {
      deadline.end();
    }
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
    patch(path, body, contentType, query, signal) {
      const headers = { accept: json, 'content-type': contentType };
      return call({ method: 'PATCH', path, query, headers, body: JSON.stringify(body) }, signal);
    },
    close: () => agent.destroy(),
  };
}

const json = 'application/json';

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
  { server, authenticate }: KubeApiOptions,
  { method, path, query, headers, body }: Exchange,
  agent: Agent | false,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const base = new URL(server);
  const { hostname, port } = urlToHttpOptions(base);
  const options: RequestOptions = {
    ...{ method, hostname, port, agent, signal },
    path: `${base.pathname.replace(/\/$/, '')}${path}${formatQuery(query)}`,
    headers: { 'user-agent': 'mcp-auth-operator', ...headers },
  };
  await untilAborted(authenticate(options), signal).catch((error: unknown) => {
    throw error instanceof ApiError ? error : localError('CredentialsFailed', detailOf(error));
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = isPlain(server) ? requestHttp(options) : requestHttps(options);
  outgoing.on('response', resolve).on('error', reject);
  outgoing.setSocketKeepAlive(true, tcpKeepAliveMs);
  outgoing.end(body);
  const response = await promise;
  const { statusCode = 0 } = response;
  if (statusCode < 200 || statusCode > 299) {
    throw await readError(response);
  }
  return response;
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
