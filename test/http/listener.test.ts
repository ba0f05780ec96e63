import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Backend } from '../../operator/http/backend.ts';
import { Exchanges } from '../../operator/http/exchange/exchanges.ts';
import type { Decision, Gate } from '../../operator/http/gate/gate.ts';
import { type Listener, listen } from '../../operator/http/listener.ts';
import { createBuiltInServer } from '../../operator/http/mcp/built-in-server.ts';
import { createPublicEndpoint } from '../../operator/http/public-endpoint.ts';
import { createShares } from '../../operator/http/shares.ts';
import type { CompiledPolicy, Snapshot } from '../../operator/policy/snapshot.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { startSlowRequest } from '../fixtures/slow-request.ts';

const policy = {
  namespace: 'team-a',
  name: 'x',
  generation: 1,
  resource: 'r',
  digest: 'd',
  verifier: { mode: 'OIDC', clockSkewSeconds: 60 },
  tools: [],
} as unknown as CompiledPolicy;
const snapshot = {
  shares: {
    maxInFlightPerPolicy: 2,
    maxInspectedBytesPerPolicy: 1_000_000,
    maxInspectedBytesPerNamespace: 1_000_000,
    maxInspectedBytesInAll: 1_000_000,
  },
  policies: new Map([['team-a/x', policy]]),
} as unknown as Snapshot;
const admit = (expiresAt: number): Decision => ({
  kind: 'admit',
  policy,
  principal: { issuer: 'i', subject: 'alice', audiences: ['a'], scopes: [], expiresAt },
  headers: {},
});
const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

let listener: Listener;
let gate: Gate;
let builtInServer: Backend;
let exchanges: Exchanges;
let current: Snapshot | undefined;
let decidedBy: CompiledPolicy | undefined;
const decisions: string[] = [];
const ended: string[] = [];
const log = recordLog();

beforeEach(async () => {
  decisions.length = 0;
  ended.length = 0;
  decidedBy = undefined;
  current = snapshot;
  exchanges = new Exchanges(systemClock);
  const shares = createShares(() => snapshot.shares);
  builtInServer = createBuiltInServer('1.2.3');
  const endpoint = createPublicEndpoint({
    gate: (head, at) => gate(head, at),
    currentSnapshot: () => current,
    builtInServer: { handle: (...args) => builtInServer.handle(...args) },
    proxy: { handle: () => Promise.reject(new Error('no policy has an upstream')) },
    exchanges,
    shares,
    limits: () => snapshot.shares,
    spend: async (_, work) => work(),
    observer: {
      onDecision: (reason, by) => {
        decisions.push(reason);
        decidedBy = by;
      },
      onAnswer: () => undefined,
      onEnd: ({ reason, status }) => ended.push(`${reason} ${status}`),
    },
    clock: systemClock,
    log,
  });
  listener = await listen(endpoint, { host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await listener.drain(0);
});

function call(init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${listener.address.port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'whoami', arguments: {} },
    }),
    ...init,
  });
}

/** Sends bytes as they are and resolves with everything that comes back until the connection ends. */
function sendRaw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(listener.address.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}

test('an admitted request reaches the built-in server, whose answer names the caller', async () => {
  gate = async () => admit(inAnHour());
  const answer = await call();
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('alice');
  expect(decisions).toEqual(['admitted']);
  expect(decidedBy).toBe(policy);
  await until(() => ended.length > 0);
  expect(ended).toEqual(['admitted 200']);
});

test('before the policies are known: 503, and nothing is decided', async () => {
  current = undefined;
  const answer = await call();
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('5');
  expect(decisions).toEqual(['not_ready']);
  expect(ended).toEqual(['not_ready 503']);
});

test('the gate sees every header as it was sent', async () => {
  const seen: (readonly string[])[] = [];
  gate = async (head) => {
    seen.push(head.rawHeaders);
    return { kind: 'answer', answer: { status: 204, headers: {} }, reason: 'metadata' };
  };
  await sendRaw(
    'POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\nauthorization: Bearer two\r\nConnection: close\r\n\r\n',
  );
  expect(seen[0]?.filter((value) => value.startsWith('Bearer'))).toEqual(['Bearer one', 'Bearer two']);
});

test('more header fields than Node keeps by itself are all seen', async () => {
  let last: string | undefined;
  gate = async ({ rawHeaders }) => {
    last = rawHeaders.at(-1);
    return { kind: 'answer', answer: { status: 204, headers: {} }, reason: 'metadata' };
  };
  const many = Array.from({ length: 2100 }, () => 'a:\r\n').join('');
  await sendRaw(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${many}Authorization: late\r\n\r\n`);
  expect(last).toBe('late');
});

test('headers beyond 16 KiB are refused and the server goes on', async () => {
  gate = async () => admit(inAnHour());
  expect(await sendRaw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 431 /,
  );
  expect((await call()).status).toBe(200);
});

test.each([
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  [
    'length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
])('a request with %s is refused before the gate', async (_, text) => {
  const asked: string[] = [];
  gate = async ({ method }) => {
    asked.push(method);
    return admit(inAnHour());
  };
  expect(await sendRaw(text)).toMatch(/^HTTP\/1.1 400 /);
  expect(asked).toEqual([]);
});

test('an exception is a bug: 500, said once, and nothing of it to the caller', async () => {
  gate = async () => {
    throw new Error('a bug with a secret');
  };
  const answer = await call();
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('secret');
  expect(log.lines.filter(({ message }) => message === 'request failed')).toHaveLength(1);
});

test('a policy has only so many requests under way', async () => {
  gate = async () => admit(inAnHour());
  const waiting: (() => void)[] = [];
  builtInServer = {
    handle: (_, response) =>
      new Promise((resolve) => {
        waiting.push(() => {
          response.end('done');
          resolve();
        });
        if (waiting.length === 2) reached();
      }),
  };
  let reached = (): void => undefined;
  const bothWait = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const held = [call(), call()];
  await bothWait;
  expect(exchanges.size).toBe(2);
  const refused = await call();
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(decisions).toContain('overloaded');
  for (const finish of waiting) finish();
  for (const answer of await Promise.all(held)) expect(await answer.text()).toBe('done');
  expect(exchanges.size).toBe(0);
});

test('an answer under way is cut when its policy changes, or its token has expired', async () => {
  builtInServer = {
    handle: async (_, response) => void response.write('begun'),
  };
  gate = async () => admit(inAnHour());
  const changed = await call();
  exchanges.keepOnly({ ...snapshot, policies: new Map() });
  await expect(changed.text()).rejects.toThrow();
  gate = async () => admit(Math.floor(Date.now() / 1000) - 59);
  await expect(call().then((answer) => answer.text())).rejects.toThrow();
});

test('a token that has expired within the clock skew is answered to the end', async () => {
  gate = async () => admit(Math.floor(Date.now() / 1000) - 30);
  const answer = await call();
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('alice');
});

test('a policy that changes while its token is judged: the request is decided again by the new one', async () => {
  const deny: Decision = {
    kind: 'answer',
    answer: { status: 401, headers: {} },
    reason: 'audience_mismatch',
  };
  gate = async (_, at) => {
    if (at !== snapshot) return deny;
    current = { ...snapshot, policies: new Map([['team-a/x', { ...policy, digest: 'another' }]]) };
    return admit(inAnHour());
  };
  expect((await call()).status).toBe(401);
  expect(decisions).toEqual(['audience_mismatch']);
});

test('a token that expires while it is judged is not let in', async () => {
  let asked = 0;
  gate = async () => {
    asked += 1;
    return asked === 1
      ? admit(1)
      : { kind: 'answer', answer: { status: 401, headers: {} }, reason: 'token_expired' };
  };
  expect((await call()).status).toBe(401);
});

test('a policy that never stands still does not keep a request for ever', async () => {
  gate = async () => {
    current = { ...snapshot, policies: new Map() };
    return admit(inAnHour());
  };
  expect((await call()).status).toBe(503);
});

test.each(['PUT', 'PATCH', 'PROPFIND'])('%s with a good token → 405', async (method) => {
  gate = async () => admit(inAnHour());
  const answer = await call({ method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe('POST, GET, DELETE');
});

test('a request line with another HTTP version is refused', async () => {
  gate = async () => admit(inAnHour());
  expect(await sendRaw('POST / HTTP/2.0\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 505 /);
});

test('TRACE with a good token → 405', async () => {
  gate = async () => admit(inAnHour());
  expect(await sendRaw('TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 405 /,
  );
});

test('a connection that is idle is kept longer than balancers keep theirs: it is never us who close one in use', async () => {
  gate = async () => admit(inAnHour());
  const answer = await call();
  expect(answer.headers.get('keep-alive')).toBe('timeout=75');
});

test('draining lets what is being answered end', async () => {
  gate = async () => admit(inAnHour());
  let finish = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    builtInServer = {
      handle: async (_, response) => {
        response.write('begun ');
        finish = () => response.end('and ended');
        resolve();
      },
    };
  });
  const answer = call();
  await begun;
  const drained = listener.drain(60_000);
  finish();
  expect(await (await answer).text()).toBe('begun and ended');
  await drained;
  await expect(call()).rejects.toThrow();
});

test('a request whose body is still on its way when the end has begun is answered', async () => {
  gate = async () => admit(inAnHour());
  const slow = await startSlowRequest(`http://127.0.0.1:${listener.address.port}/`, 'any');
  while (exchanges.size === 0) await new Promise((resolve) => setImmediate(resolve));
  const ended = listener.drain(20_000);
  expect(await slow.finish()).toBe('200');
  await ended;
});

test('a request whose client has left does not hold up the end', async () => {
  gate = async () => admit(inAnHour());
  const slow = await startSlowRequest(`http://127.0.0.1:${listener.address.port}/`, 'any');
  while (exchanges.size === 0) await new Promise((resolve) => setImmediate(resolve));
  const ended = listener.drain(20_000);
  slow.leave();
  await ended;
});

test('a connection on which nothing was ever asked does not hold up the end', async () => {
  const silent = connect(listener.address.port, '127.0.0.1');
  await once(silent, 'connect');
  const closed = once(silent, 'close');
  await listener.drain(20_000);
  await closed;
});
