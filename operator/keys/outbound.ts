import { promises as dns } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { request as startRequest } from 'node:https';
import { isIP, connect as openSocket, type Socket } from 'node:net';
import { connect as openTls, type TLSSocket } from 'node:tls';
import { parseStrictUrl } from '../api/strict-url.ts';
import type { OutboundRule } from '../policy/outbound-rule.ts';
import { isSameAddress, judgeConnection, judgeDestination, stripBrackets } from './address-rules.ts';
import type { KeyFailure } from './key-source.ts';

export interface DocumentRequest {
  /** An https URL. */
  readonly url: string;
  /** PEM certificates to trust instead of the public authorities. */
  readonly caPem?: string;
  readonly outbound: readonly OutboundRule[];
  /** Bytes of the body; a larger one is not read to its end. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

export type DocumentOutcome =
  | { readonly ok: true; readonly body: Uint8Array }
  /** `answered`: the server was reached and answered, only not with what was asked for. */
  | { readonly ok: false; readonly failure: KeyFailure; readonly answered: boolean };

export type FetchDocument = (request: DocumentRequest) => Promise<DocumentOutcome>;

export interface OutboundPorts {
  /** All addresses of a host name. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** For TCP, over all addresses. */
  readonly connectTimeoutMs: number;
  /** For everything, the body included. */
  readonly totalTimeoutMs: number;
}

const systemPorts: OutboundPorts = {
  resolve: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
  connectTimeoutMs: 2_000,
  totalTimeoutMs: 5_000,
};

/** Carries a failure through the steps of one fetch; never leaves this file. */
class FetchFailure extends Error {
  readonly failure: KeyFailure;
  readonly answered: boolean;

  constructor(failure: KeyFailure, answered = false) {
    super(failure);
    this.failure = failure;
    this.answered = answered;
  }
}

/**
 * Builds the only way by which the operator connects to issuers, whose addresses tenants choose.
 *
 * https only; the host is resolved once, every address is judged before any is connected to, and the connected peer is
 * compared again before the TLS handshake. No redirects, proxies, cookies, credentials, content encodings, session reuse
 * or kept connections. Outcomes are coarse on purpose: they end in statuses that the tenant reads.
 */
export function createDocumentFetcher(ports: OutboundPorts = systemPorts): FetchDocument {
  return async (request) => {
    const timeout = AbortSignal.timeout(ports.totalTimeoutMs);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
    let socket: Socket | undefined;
    try {
      const destination = readDestination(request);
      const addresses = await resolveAll(destination.host, request.outbound, destination.port, ports, signal);
      socket = await connectToAny(addresses, destination.port, ports.connectTimeoutMs, signal);
      const secure = await startTls(socket, destination.host, request.caPem, signal);
      const response = await ask(request.url, secure, signal);
      return { ok: true, body: await readBody(response, request.maxBytes, signal) };
    } catch (error) {
      if (signal.aborted) return { ok: false, failure: 'Timeout', answered: false };
      const { failure, answered } = error instanceof FetchFailure ? error : new FetchFailure('HTTPError');
      return { ok: false, failure, answered };
    } finally {
      socket?.destroy();
    }
  };
}

interface Destination {
  /** As the URL writes it. */
  readonly host: string;
  readonly port: number;
}

function readDestination({ url, outbound }: DocumentRequest): Destination {
  const parsed = parseStrictUrl(url);
  if (parsed?.scheme !== 'https') throw new FetchFailure('AddressNotAllowed');
  const destination = { host: parsed.hostname, port: parsed.port ?? 443 };
  if (!judgeDestination(destination, outbound)) throw new FetchFailure('AddressNotAllowed');
  return destination;
}

async function resolveAll(
  host: string,
  rules: readonly OutboundRule[],
  port: number,
  { resolve }: OutboundPorts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const literal = stripBrackets(host);
  const addresses = isIP(literal) !== 0 ? [literal] : await untilAborted(resolve(host), signal, 'DNSFailure');
  if (addresses.length === 0) throw new FetchFailure('DNSFailure');
  // One bad address among good ones is enough: which one is connected to must not be a matter of luck.
  if (!addresses.every((address) => judgeConnection({ host, port, address }, rules))) {
    throw new FetchFailure('AddressNotAllowed');
  }
  return addresses;
}

/** Tries the addresses in turn. */
async function connectToAny(
  addresses: readonly string[],
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const limited = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal]);
  for (const address of addresses) {
    const socket = openSocket({ host: address, port });
    const isOpen = await settle(socket, 'connect', limited);
    if (isOpen && isSameAddress(socket.remoteAddress ?? '', address)) return socket;
    socket.destroy();
    if (limited.aborted) throw new FetchFailure('Timeout');
  }
  throw new FetchFailure('HTTPError');
}

async function startTls(socket: Socket, host: string, ca: string | undefined, signal: AbortSignal): Promise<TLSSocket> {
  const name = stripBrackets(host);
  // A literal has no server name (RFC 6066 section 3); it is compared with the certificate all the same.
  const identity = isIP(name) === 0 ? { servername: name } : { host: name };
  const trust = ca === undefined ? {} : { ca };
  let secure: TLSSocket;
  try {
    secure = openTls({ socket, ...identity, ...trust, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] });
  } catch {
    // Certificates that cannot be read are refused here, before anything is sent.
    throw new FetchFailure('TLSFailure');
  }
  if (await settle(secure, 'secureConnect', signal)) return secure;
  throw new FetchFailure('TLSFailure');
}

async function ask(url: string, socket: TLSSocket, signal: AbortSignal): Promise<IncomingMessage> {
  const request = startRequest(url, {
    // Without an agent, or Node would open a connection of its own.
    createConnection: () => socket,
    headers: { accept: 'application/json', 'accept-encoding': 'identity', connection: 'close' },
    maxHeaderSize: 16 * 1024,
    signal,
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', () => reject(new FetchFailure('HTTPError')));
    request.end();
  });
  response.on('error', () => undefined);
  if (response.statusCode !== 200) throw new FetchFailure('HTTPError', true);
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw new FetchFailure('InvalidDocument', true);
  return response;
}

async function readBody(response: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw new FetchFailure('TooLarge', true);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new FetchFailure('TooLarge', true);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof FetchFailure || signal.aborted ? error : new FetchFailure('HTTPError');
  }
  return Buffer.concat(chunks);
}

/** Whether the event came before an error, the end or the abort. Later errors of the socket are taken too. */
function settle(socket: Socket, event: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isGood: boolean): void => {
      signal.removeEventListener('abort', fail);
      resolve(isGood);
    };
    const fail = (): void => end(false);
    socket.once(event, () => end(true));
    socket.on('error', fail);
    socket.once('close', fail);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal, failure: KeyFailure): Promise<T> {
  work.catch(() => undefined);
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => reject(new FetchFailure('Timeout'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  return await Promise.race([work.catch(() => Promise.reject(new FetchFailure(failure))), aborted]);
}
