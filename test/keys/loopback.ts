import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { ResolveHost } from '../../operator/keys/resolve-host.ts';
import type { OutboundRule } from '../../operator/policy/outbound-rule.ts';
import { until } from '../fixtures/fake-clock.ts';

/** A rule that lets `localhost` and 127.0.0.1 be reached on the port of that URL. */
export function allowLoopback(url: string): readonly OutboundRule[] {
  return [{ hosts: ['localhost', '127.0.0.1'], cidrs: ['127.0.0.0/8'], ports: [Number(new URL(url).port)] }];
}

/** A resolver that gives one list after the other, and the last for ever. */
export function resolveTo(
  ...answers: readonly (readonly string[])[]
): ResolveHost & { readonly asked: string[] } {
  const left = [...answers];
  const asked: string[] = [];
  const resolve = async (host: string): Promise<readonly string[]> => {
    asked.push(host);
    return (left.length > 1 ? left.shift() : left[0]) ?? [];
  };
  return Object.assign(resolve, { asked });
}

/** A TCP port that counts who comes. */
export interface Canary extends AsyncDisposable {
  readonly port: number;
  connections(): number;
}

/** Listens on 127.0.0.1, or another loopback address; `greet` may speak first. */
export async function startCanary(
  greet: (socket: Socket) => void = () => undefined,
  port = 0,
  address = '127.0.0.1',
): Promise<Canary> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const BLOCKED_LISTENER = `
  const { createServer } = require('node:net');
  const { workerData } = require('node:worker_threads');
  createServer().listen(workerData.port, workerData.address, 1, () => {
    Atomics.store(workerData.state, 0, 1);
    Atomics.notify(workerData.state, 0);
    Atomics.wait(workerData.state, 0, 1);
  });
`;

/** An address whose TCP handshakes stay unanswered on Linux: its backlog is full and nobody accepts. */
export async function startBlackHole(address: string, port: number): Promise<AsyncDisposable> {
  const state = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(BLOCKED_LISTENER, { eval: true, workerData: { address, port, state } });
  await Atomics.waitAsync(state, 0, 0).value;
  // A backlog of one takes two.
  const fillers = Array.from({ length: 8 }, () =>
    connect({ host: address, port }).on('error', () => undefined),
  );
  await until(() => fillers.filter(({ readyState }) => readyState === 'open').length === 2);
  return {
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}
