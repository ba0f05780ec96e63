import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { objectKey } from '../../operator/api/kubernetes-object.ts';
import { Exchanges } from '../../operator/http/exchange/exchanges.ts';
import { type Listener, listen } from '../../operator/http/listener.ts';
import { createProxy } from '../../operator/http/proxy/proxy.ts';
import { createPublicEndpoint } from '../../operator/http/public-endpoint.ts';
import { createShares, type SharesInUse } from '../../operator/http/shares.ts';
import { createToolListFilter } from '../../operator/http/tools/tool-list-filter.ts';
import type { CompiledPolicy, Snapshot } from '../../operator/policy/snapshot.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { type ScriptedUpstream, startHttpUpstream } from '../fixtures/scripted-upstream.ts';

const limits = {
  maxInFlightPerPolicy: 3,
  maxStreamsPerPolicy: 1,
  maxInspectedBytes: 1000,
  maxInspectedBytesPerPolicy: 1500,
  maxInspectedBytesPerNamespace: 1_000_000_000,
  maxInspectedBytesInAll: 1_000_000_000,
};

/** Two tenants with an upstream each: `noisy` does what a test wants, `quiet` answers at once. */
let upstreams: { readonly noisy: ScriptedUpstream; readonly quiet: ScriptedUpstream };
let listener: Listener;
let answerNoisy: (incoming: IncomingMessage, response: ServerResponse) => void;
let shares: SharesInUse;
let decisions: string[];
/** Reason and status of what would be written down. */
let written: (readonly [string, number | undefined])[];

const message = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}';
const result = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';

function answerAtOnce(_: IncomingMessage, response: ServerResponse): void {
  response.setHeader('content-type', 'application/json');
  response.end(result);
}

function policyFor(tenant: string, port: number): CompiledPolicy {
  return {
    ...{
      namespace: tenant,
      name: 'server',
      generation: 1,
      resource: 'r',
      path: `/${tenant}`,
      digest: tenant,
    },
    verifier: { mode: 'OIDC', clockSkewSeconds: 60 },
    tools: [{ names: ['delete'], scopes: ['admin'] }],
    upstream: { address: { host: '127.0.0.1', port }, host: 'server', path: '/mcp' },
  } as unknown as CompiledPolicy;
}

beforeEach(async () => {
  answerNoisy = answerAtOnce;
  decisions = [];
  written = [];
  upstreams = {
    noisy: await startHttpUpstream((...args) => answerNoisy(...args)),
    quiet: await startHttpUpstream(answerAtOnce),
  };
  const policies = [policyFor('noisy', upstreams.noisy.port), policyFor('quiet', upstreams.quiet.port)];
  const snapshot = {
    shares: limits,
    policies: new Map(policies.map((policy) => [objectKey(policy), policy])),
  } as unknown as Snapshot;
  shares = createShares(() => limits);
  const proxy = createProxy({
    clock: systemClock,
    identify: async () => [],
    sessionKeys: () => [new Uint8Array(32)],
    filterFor: (admission, answer) =>
      createToolListFilter(admission, answer, {
        maxBytes: limits.maxInspectedBytes,
        hold: (bytes) => shares.takeBytes(objectKey(admission.policy), bytes),
        spend: async (work) => work(),
      }),
    takeStream: ({ policy }) => shares.takeStream(objectKey(policy)),
    patienceSeconds: () => 60,
    metrics: { noteAnswer: () => undefined, countFailure: () => undefined },
  });
  const endpoint = createPublicEndpoint({
    gate: async ({ target }) => {
      const policy = policies.find(({ path }) => path === target);
      if (policy === undefined) throw new Error('no such tenant');
      const expiresAt = Math.floor(Date.now() / 1000) + 3600;
      const principal = { issuer: 'i', subject: 's', audiences: [], scopes: [], expiresAt };
      return { kind: 'admit', policy, principal, headers: {} };
    },
    currentSnapshot: () => snapshot,
    builtInServer: proxy,
    ...{ proxy, shares, clock: systemClock, log: recordLog() },
    exchanges: new Exchanges(systemClock),
    limits: () => limits,
    spend: async (_, work) => work(),
    observer: {
      onDecision: (reason, policy) => decisions.push(`${policy?.namespace} ${reason}`),
      onAnswer: () => undefined,
      onEnd: ({ reason, status }) => written.push([reason, status]),
    },
  });
  listener = await listen(endpoint, { host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await listener.drain(0);
  await Promise.all([upstreams.noisy.stop(), upstreams.quiet.stop()]);
});

type Tenant = 'noisy' | 'quiet';

function call(tenant: Tenant, body = message): Promise<Response> {
  return fetch(`http://127.0.0.1:${listener.address.port}/${tenant}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
}

async function statusOf(tenant: Tenant, body?: string): Promise<number> {
  const answer = await call(tenant, body);
  await answer.arrayBuffer();
  return answer.status;
}

/** Whatever the other one does, all of these come through. */
async function expectQuietServed(): Promise<void> {
  for (let count = 0; count < 20; count += 1) expect(await statusOf('quiet')).toBe(200);
}

/** Whether the noisy tenant could hold so many more bytes just now. */
function hasRoom(bytes: number): boolean {
  const release = shares.takeBytes('noisy/server', bytes);
  release?.();
  return release !== undefined;
}

function hasStreamLeft(): boolean {
  const release = shares.takeStream('noisy/server');
  release?.();
  return release !== undefined;
}

/** A message of so many bytes. */
function messageOf(bytes: number): string {
  return message.replace('"search"', `"search","x":"${'x'.repeat(bytes - message.length - 7)}"`);
}

interface Upload {
  readonly outgoing: ClientRequest;
  readonly answer: Promise<{ readonly status: number; readonly headers: IncomingMessage['headers'] }>;
}

/** Begins to send a body; without a length it is chunked. */
function upload(tenant: Tenant, part: string, length?: number): Upload {
  const outgoing = request({
    ...{ host: '127.0.0.1', port: listener.address.port, path: `/${tenant}`, method: 'POST', agent: false },
    headers: {
      'content-type': 'application/json',
      ...(length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': length }),
    },
  });
  const answer = new Promise<Awaited<Upload['answer']>>((resolve, reject) => {
    outgoing.once('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    outgoing.once('error', reject);
  });
  answer.catch(() => undefined);
  outgoing.on('error', () => undefined);
  outgoing.flushHeaders();
  if (part !== '') outgoing.write(part);
  return { outgoing, answer };
}

test('a tenant whose upstream does not answer uses up its own share of requests only', async () => {
  const waiting: ServerResponse[] = [];
  answerNoisy = (_, response) => void waiting.push(response);
  const held = [call('noisy'), call('noisy'), call('noisy')];
  await until(() => waiting.length === 3);
  const refused = await Promise.all(Array.from({ length: 50 }, () => call('noisy')));
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]));
  expect(refused[0]?.headers.get('retry-after')).toBe('1');
  expect(decisions.filter((decision) => decision === 'noisy overloaded')).toHaveLength(50);
  await expectQuietServed();
  expect(waiting).toHaveLength(3);
  for (const response of waiting) answerAtOnce({} as IncomingMessage, response);
  for (const answer of await Promise.all(held)) expect(await answer.text()).toBe(result);
  answerNoisy = answerAtOnce;
  expect(await statusOf('noisy')).toBe(200);
});

test('a tenant has so many event streams, and another has its own', async () => {
  answerNoisy = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': begun\n\n');
  };
  const leave = new AbortController();
  const target = `http://127.0.0.1:${listener.address.port}/noisy`;
  expect((await fetch(target, { signal: leave.signal })).status).toBe(200);
  expect((await fetch(target)).status).toBe(503);
  expect(await statusOf('noisy')).toBe(503);
  expect(decisions).toEqual(['noisy admitted', 'noisy overloaded', 'noisy overloaded']);
  expect(written).toEqual([
    ['overloaded', 503],
    ['overloaded', 503],
  ]);
  await expectQuietServed();
  leave.abort();
  await until(hasStreamLeft);
  expect((await fetch(target)).status).toBe(200);
});

test('bodies that are still coming count, by what has come of them', async () => {
  const announced = upload('noisy', '{', 900);
  const first = upload('noisy', 'x'.repeat(899), 900);
  await until(() => !hasRoom(601));
  const second = await upload('noisy', 'x'.repeat(899), 900).answer;
  expect([second.status, second.headers.connection, second.headers['retry-after']]).toEqual([
    503,
    'close',
    '1',
  ]);
  await expectQuietServed();
  first.outgoing.destroy();
  announced.outgoing.destroy();
  await until(() => hasRoom(1500));
  expect(await statusOf('noisy', messageOf(900))).toBe(200);
});

test('a body without a length counts as it grows', async () => {
  upload('noisy', 'x'.repeat(800));
  await until(() => !hasRoom(701));
  expect(await statusOf('noisy', messageOf(800))).toBe(503);
  expect(await statusOf('noisy')).toBe(200);
  await expectQuietServed();
});

test('a message of an answer counts while it is held', async () => {
  let finish = (): void => undefined;
  answerNoisy = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(result.padStart(900));
    finish = () => response.end();
    answerNoisy = answerAtOnce;
  };
  const held = call('noisy');
  await until(() => !hasRoom(600));
  expect(await statusOf('noisy', messageOf(900))).toBe(503);
  await expectQuietServed();
  finish();
  expect((await (await held).text()).trim()).toBe(result);
  await until(() => hasRoom(1500));
});

test('a body that is too large is refused as soon as that is known, and its connection closed', async () => {
  const told = await upload('noisy', '', 1001).answer;
  expect([told.status, told.headers.connection]).toEqual([413, 'close']);
  const grown = upload('noisy', 'x'.repeat(600));
  grown.outgoing.write('x'.repeat(401));
  expect((await grown.answer).status).toBe(413);
  expect(await statusOf('noisy', messageOf(1000))).toBe(200);
  expect(upstreams.noisy.received()).not.toContain('xxx"}}xxx');
  expect(upstreams.noisy.received().split('POST ')).toHaveLength(2);
  expect(decisions.filter((decision) => decision === 'noisy message_too_large')).toHaveLength(2);
});

test('a body that comes byte by byte is read like any other', async () => {
  const slow = upload('noisy', '');
  for (const byte of messageOf(500)) slow.outgoing.write(byte);
  slow.outgoing.end();
  expect((await slow.answer).status).toBe(200);
  expect(upstreams.noisy.received()).toContain(messageOf(500));
});

test('the connection of a refused body is not read on for ever', async () => {
  const endless = upload('noisy', 'x'.repeat(1001));
  await endless.answer;
  const closed = new Promise((resolve) => endless.outgoing.once('close', resolve));
  await closed;
  expect(endless.outgoing.socket?.destroyed).toBe(true);
});
