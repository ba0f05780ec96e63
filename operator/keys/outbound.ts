import type { IncomingMessage } from 'node:http';
import { request as startRequest } from 'node:https';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { parseStrictUrl } from '../api/strict-url.ts';
import type { OutboundRule } from '../policy/outbound-rule.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { startDeadline, untilAborted } from '../time/deadline.ts';
import { type Destination, judgeConnection, judgeDestination, stripBrackets } from './address-rules.ts';
import { FetchFailure } from './fetch-failure.ts';
import type { KeyFailure } from './key-source.ts';
import { connectToAny, startTls } from './outbound-socket.ts';
import { type ResolveHost, resolveHost } from './resolve-host.ts';

export interface DocumentRequest {
  /** An https URL, as `parseStrictUrl` takes it; others are `AddressNotAllowed`. */
  readonly url: string;
  /** PEM certificates to trust instead of the public authorities. */
  readonly caPem?: string;
  readonly outbound: readonly OutboundRule[];
  /** Bytes of the body; a larger one is not read to its end. */
  readonly maxBytes: number;
  /** Aborts the fetch, which then ends as a `Timeout`. */
  readonly signal?: AbortSignal;
}

export type DocumentOutcome =
  | { readonly ok: true; readonly body: Uint8Array }
  /** `answered`: the server was reached and answered, only not with what was asked for. */
  | { readonly ok: false; readonly failure: KeyFailure; readonly answered: boolean };

export type FetchDocument = (request: DocumentRequest) => Promise<DocumentOutcome>;

/**
 * Gets a document from the cluster's API server, over the connection and with the credentials that the operator has for it.
 * Never rejects.
 *
 * @param path - of the API server, such as `/openid/v1/jwks`.
 */
export type FetchClusterDocument = (
  path: string,
  maxBytes: number,
  signal?: AbortSignal,
) => Promise<DocumentOutcome>;

export interface OutboundPorts {
  readonly clock: Clock;
  readonly resolve: ResolveHost;
  /** For TCP, over all addresses. */
  readonly connectTimeoutMs: number;
  /** For everything, from the name to the last byte of the body. */
  readonly totalTimeoutMs: number;
}

const systemPorts: OutboundPorts = {
  clock: systemClock,
  resolve: resolveHost,
  connectTimeoutMs: 2_000,
  totalTimeoutMs: 5_000,
};

/**
 * Builds the only way by which the operator connects to issuers, whose addresses tenants choose.
 *
 * https only; the host is resolved once, every address is judged before any is connected to, and the connected peer is
 * compared again before the TLS handshake. No redirects, proxies, cookies, credentials, content encodings, session reuse
 * or kept connections. Outcomes are coarse on purpose: they end in statuses that the tenant reads.
 */
export function createDocumentFetcher(ports: Partial<OutboundPorts> = {}): FetchDocument {
  const all = { ...systemPorts, ...ports };
  return async (request) => {
    const { signal, end } = startDeadline(all.clock, all.totalTimeoutMs, request.signal);
    try {
      return { ok: true, body: await fetchBody(request, all, signal) };
    } catch (error) {
      if (signal.aborted) return { ok: false, failure: 'Timeout', answered: false };
      if (!(error instanceof FetchFailure)) throw error;
      return { ok: false, failure: error.failure, answered: error.isAnswer };
    } finally {
      end();
    }
  };
}

async function fetchBody(
  request: DocumentRequest,
  { clock, resolve, connectTimeoutMs: timeoutMs }: OutboundPorts,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const destination = judgeUrl(request);
  const addresses = await resolveAndJudge(destination, request.outbound, resolve, signal);
  const socket = await connectToAny(addresses, destination.port, { clock, timeoutMs, signal });
  const cut = (): void => void socket.destroy();
  signal.addEventListener('abort', cut, { once: true });
  try {
    const secure = await startTls(socket, destination.host, request.caPem, signal);
    return await readBody(await ask(request.url, secure), request.maxBytes);
  } finally {
    signal.removeEventListener('abort', cut);
    cut();
  }
}

function judgeUrl({ url, outbound }: DocumentRequest): Destination {
  const parsed = parseStrictUrl(url);
  if (parsed?.scheme !== 'https') throw new FetchFailure('AddressNotAllowed');
  const destination = { host: parsed.hostname, port: parsed.port ?? 443 };
  if (!judgeDestination(destination, outbound)) throw new FetchFailure('AddressNotAllowed');
  return destination;
}

async function resolveAndJudge(
  { host, port }: Destination,
  rules: readonly OutboundRule[],
  resolve: ResolveHost,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const literal = stripBrackets(host);
  const addresses =
    isIP(literal) === 0
      ? await untilAborted(resolve(host, rules, signal), signal).catch(() => [])
      : [literal];
  if (addresses.length === 0) throw new FetchFailure('DNSFailure');
  // One bad address among good ones is enough: which one is connected to must not be a matter of luck.
  const areAllowed = addresses.every((address) => judgeConnection({ host, port, address }, rules));
  if (!areAllowed) throw new FetchFailure('AddressNotAllowed');
  return addresses;
}

/** Sends the request over a connection that stands. Resolves with an answer whose body may be read. */
async function ask(url: string, socket: TLSSocket): Promise<IncomingMessage> {
  const request = startRequest(url, {
    // Without any agent, not even `false`: an agent opens a connection of its own, to an address that nobody has judged.
    createConnection: () => socket,
    headers: {
      accept: 'application/json, application/jwk-set+json',
      'accept-encoding': 'identity',
      connection: 'close',
      'user-agent': 'mcp-auth-operator',
    },
    maxHeaderSize: 16 * 1024,
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const fail = (): void => reject(new FetchFailure('HTTPError'));
    request.on('response', resolve).on('error', fail).on('close', fail).end();
  });
  response.on('error', () => undefined);
  if (response.statusCode !== 200) throw new FetchFailure('HTTPError', { isAnswer: true });
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new FetchFailure('InvalidDocument', { isAnswer: true });
  return response;
}

/** Counts what is received: a length may be missing or a lie. */
async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = new FetchFailure('TooLarge', { isAnswer: true });
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    throw error === tooLarge ? tooLarge : new FetchFailure('HTTPError');
  }
  return Buffer.concat(chunks);
}
