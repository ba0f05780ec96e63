import { isIP, connect as openTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as openTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../time/clock.ts';
import { startDeadline } from '../time/deadline.ts';
import { isSameAddress, stripBrackets } from './address-rules.ts';
import { FetchFailure } from './fetch-failure.ts';

/** A name may have any number of addresses; each that is tried gets its share of the time. */
const maxTriedAddresses = 8;

/**
 * Opens TCP to the first address that takes it. Nothing is resolved here: the addresses are those that were judged.
 *
 * @param timeoutMs - for all addresses together.
 */
export async function connectToAny(
  addresses: readonly string[],
  port: number,
  {
    clock,
    timeoutMs,
    signal,
  }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Socket> {
  const tried = addresses.slice(0, maxTriedAddresses);
  let isTimeout = false;
  for (const address of tried) {
    const deadline = startDeadline(clock, timeoutMs / tried.length, signal);
    const socket = openTcp({ host: address, port });
    const isOpen = await waitFor(socket, 'connect', deadline.signal);
    deadline.end();
    if (isOpen && isSameAddress(socket.remoteAddress ?? '', address)) return socket;
    socket.destroy();
    if (isOpen) throw new FetchFailure('AddressNotAllowed');
    isTimeout = deadline.signal.aborted;
  }
  throw new FetchFailure(isTimeout ? 'Timeout' : 'HTTPError');
}

/** Puts TLS over a connection: verified chain and name, no session from before. The socket stays the caller's to destroy. */
export async function startTls(
  socket: Socket,
  host: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const name = stripBrackets(host);
  // A literal has no server name (RFC 6066 section 3); the certificate must name it all the same.
  const identity = isIP(name) === 0 ? { servername: name } : { host: name };
  const secure = openVerified({
    socket,
    ...identity,
    // A list, because Node takes an empty text for none and would trust the public authorities.
    ...(ca === undefined ? {} : { ca: [ca] }),
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // Said aloud, or NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch verification off.
    rejectUnauthorized: true,
  });
  if (await waitFor(secure, 'secureConnect', signal)) return secure;
  throw new FetchFailure('TLSFailure');
}

/** Certificates that cannot be read throw before anything is sent. */
function openVerified(options: ConnectionOptions): TLSSocket {
  try {
    return openTls(options);
  } catch {
    throw new FetchFailure('TLSFailure');
  }
}

/** Whether the event came before an error, the end or the abort. Later errors of the socket are swallowed as well. */
function waitFor(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<boolean> {
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
