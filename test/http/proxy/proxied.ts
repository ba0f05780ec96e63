import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Admission } from '../../../operator/http/backend.ts';
import type { ExchangeRecord } from '../../../operator/http/exchange/exchange-record.ts';
import { followExchange } from '../../../operator/http/exchange/followed-exchange.ts';
import { type Listener, listen } from '../../../operator/http/listener.ts';
import { createProxy, type ProxyParts, type UpstreamProxy } from '../../../operator/http/proxy/proxy.ts';
import { readHead } from '../../../operator/http/request-head.ts';
import type { CompiledPolicy } from '../../../operator/policy/snapshot.ts';
import { systemClock } from '../../../operator/time/clock.ts';

/** A proxy behind a real listener, without a gate: who calls is said by the `authorization` header. */
export interface Proxied {
  readonly url: string;
  readonly port: number;
  readonly proxy: UpstreamProxy;
  /** What the proxy has counted. */
  readonly failures: readonly string[];
  /** What is written down of the requests that have been answered. */
  readonly records: readonly ExchangeRecord[];
  /** Those that are being answered. */
  readonly responses: ReadonlySet<ServerResponse>;
  stop(): Promise<void>;
}

export const token = 'secret-canary-token';

export function policyTo(port: number, more: Partial<CompiledPolicy> = {}): CompiledPolicy {
  return {
    ...{ namespace: 'team-a', name: 'x', tools: [] },
    upstream: {
      address: { host: '127.0.0.1', port },
      host: 'server.team-a.svc:8080',
      path: '/inner/mcp',
    },
    ...more,
  } as unknown as CompiledPolicy;
}

export async function startProxied(
  policy: CompiledPolicy,
  parts: Partial<ProxyParts> = {},
  readBody = false,
): Promise<Proxied> {
  const failures: string[] = [];
  const records: ExchangeRecord[] = [];
  const observer = {
    onDecision: () => undefined,
    onAnswer: () => undefined,
    onEnd: (record: ExchangeRecord) => void records.push(record),
  };
  const responses = new Set<ServerResponse>();
  const keys: [Uint8Array] = [new Uint8Array(32).fill(7)];
  const proxy = createProxy({
    clock: systemClock,
    identify: async ({ principal }) => [['mcp-auth-subject', principal.subject]],
    sessionKeys: () => keys,
    filterFor: () => undefined,
    takeStream: () => () => undefined,
    patienceSeconds: () => 60,
    metrics: { noteAnswer: () => undefined, countFailure: (cause) => failures.push(cause) },
    ...parts,
  });
  const listener: Listener = await listen(
    async (incoming, response) => {
      responses.add(response);
      response.once('close', () => responses.delete(response));
      const subject = (incoming.headers.authorization ?? 'alice').split(' ').at(-1) ?? '';
      const admission = {
        policy,
        principal: { issuer: 'https://idp', subject, audiences: [], scopes: [], expiresAt: 1 },
      } as Admission;
      const exchange = followExchange({ head: readHead(incoming), response, clock: systemClock, observer });
      exchange.settle('admitted', policy);
      const { noteFailure } = exchange;
      const body = readBody ? { body: Buffer.concat(await incoming.toArray()) } : {};
      await proxy.handle({ incoming, admission, noteFailure, ...body }, response);
    },
    { host: '127.0.0.1', port: 0 },
  );
  const { port } = listener.address;
  return {
    url: `http://127.0.0.1:${port}/outer?access_token=${token}`,
    port,
    proxy,
    failures,
    records,
    responses,
    async stop() {
      await listener.drain(0);
    },
  };
}

/** Sends bytes as they are; gives what comes back until the connection ends. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write(text, 'latin1');
  await once(socket, 'close');
  return answer;
}
