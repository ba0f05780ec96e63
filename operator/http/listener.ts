import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** PEM texts. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface Listener {
  /** Where it listens; the port is the real one, also when 0 was asked for. */
  readonly address: Address;
  /** Serves new connections with another certificate. Throws when the pair does not fit. */
  replaceIdentity(identity: TlsIdentity): void;
  /** Stops accepting, lets what is being answered end, and cuts what is left after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

const serverOptions: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  // Longer than a balancer's usual 60 s, so that it is never us who close a connection that it is about to use.
  keepAliveTimeout: 75_000,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  requireHostHeader: true,
};

/** A head may be on its way. */
const unusedGraceMs = 1_000;

/** Starts to listen. Rejects with the system's error when the address cannot be had. */
export async function listen(
  endpoint: RequestListener,
  { host, port }: Address,
  identity?: TlsIdentity,
): Promise<Listener> {
  const server =
    identity === undefined
      ? createHttpServer(serverOptions)
      : createTlsServer({ ...serverOptions, ...identity });
  // Above its limit Node drops header fields without a word; the size limit above bounds their number.
  server.maxHeadersCount = 0;
  server.on('request', endpoint);
  server.on('request', (_, response) => {
    // A connection that was busy when draining began is kept alive by Node unless it is closed when it becomes idle.
    response.once('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  const unused = followUnused(server, identity === undefined ? 'connection' : 'secureConnection');
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host === '' ? undefined : host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  return {
    address: { host, port: typeof bound === 'object' && bound !== null ? bound.port : port },
    replaceIdentity: (next) => (server as TlsServer).setSecureContext(next),
    drain: (graceMs) => drain(server, unused, graceMs),
  };
}

/** Connections on which nothing has been asked yet: Node does not take them for idle. */
function followUnused(server: Server | TlsServer, opened: string): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on(opened, (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return unused;
}

async function drain(
  server: Server | TlsServer,
  unused: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const cutUnused = (): void => {
    for (const socket of unused) socket.destroy();
  };
  const timers = [
    setTimeout(cutUnused, Math.min(graceMs, unusedGraceMs)),
    setTimeout(() => server.closeAllConnections(), graceMs),
  ];
  await closed;
  for (const timer of timers) clearTimeout(timer);
}
