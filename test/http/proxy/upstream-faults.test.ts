import { once } from 'node:events';
import { type IncomingMessage, request as startRequest } from 'node:http';
import type { Socket } from 'node:net';
import { Transform } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { UpstreamError } from '../../../operator/http/proxy/upstream-failure.ts';
import { createFakeClock, settle, until } from '../../fixtures/fake-clock.ts';
import {
  type ScriptedUpstream,
  startHttpUpstream,
  startRawUpstream,
} from '../../fixtures/scripted-upstream.ts';
import { type Proxied, policyTo, startProxied } from './proxied.ts';

let upstream: ScriptedUpstream;
let proxied: Proxied;

afterEach(async () => {
  await proxied.stop();
  await upstream.stop();
});

/** The first request gets `bad`; what follows is answered well. */
async function startWith(
  bad: (socket: Socket) => void,
  ...rest: Parameters<typeof startProxied> extends [unknown, ...infer Rest] ? Rest : never
): Promise<void> {
  let count = 0;
  upstream = await startRawUpstream((socket) => {
    count += 1;
    if (count === 1) bad(socket);
    else socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ngood');
  });
  proxied = await startProxied(policyTo(upstream.port), ...rest);
}

const call = (): Promise<Response> => fetch(proxied.url, { method: 'POST', body: '{}' });

async function expectGood(): Promise<void> {
  expect(await (await call()).text()).toBe('good');
}

const ok = 'HTTP/1.1 200 OK\r\n';
const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';

describe('an answer that is not one: 502 with a JSON-RPC error, and the next request is answered', () => {
  test.each([
    ['another protocol', 'SSH-2.0-x\r\n\r\n'],
    ['a status line alone', 'HTTP/1.1 200\0OK\r\n\r\n'],
    ['headers beyond 16 KiB', `${ok}X: ${'x'.repeat(17_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['many headers beyond 16 KiB', `${ok}${'abcd: efgh\r\n'.repeat(4000)}Content-Length: 0\r\n\r\n`],
    ['length and chunks', `${ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
    ['two content types', `${ok}Content-Type: a/b\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n`],
    ['two sessions', `${ok}Mcp-Session-Id: a\r\nMcp-Session-Id: b\r\nContent-Length: 0\r\n\r\n`],
    ['a session id that is none', `${ok}Mcp-Session-Id: a b\r\nContent-Length: 0\r\n\r\n`],
    ['an empty session id', `${ok}Mcp-Session-Id:\r\nContent-Length: 0\r\n\r\n`],
    ['encoded content', `${ok}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc`],
    [
      'encoded content, said after 2,500 other fields',
      `${ok}${'a:\r\n'.repeat(2500)}Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc`,
    ],
    ['a redirect', 'HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n'],
    ['304', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
    [
      'a challenge',
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="theirs"\r\nContent-Length: 0\r\n\r\n',
    ],
    ['a challenge of a proxy', 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n'],
    ['an upgrade', 'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nabc'],
    ['an upgrade to nothing', 'HTTP/1.1 101 Go\r\n\r\n'],
    ['17 interim answers', `${interim.repeat(17)}${ok}Content-Length: 0\r\n\r\n`],
    ['17 times 100', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(17)}${ok}Content-Length: 0\r\n\r\n`],
  ])('%s', async (_, bytes) => {
    await startWith((socket) => socket.write(bytes, 'latin1'));
    const answer = await call();
    expect(answer.status).toBe(502);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(
      [...answer.headers.keys()].filter((name) =>
        /authenticate|location|content-encoding|session/.test(name),
      ),
    ).toEqual([]);
    expect(await answer.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: 502 } });
    expect(proxied.failures).toEqual(['bad_answer']);
    await expectGood();
  });

  test('closed before an answer', async () => {
    await startWith((socket) => socket.destroy());
    expect((await call()).status).toBe(502);
    expect(proxied.failures).toEqual(['reset']);
    await expectGood();
  });

  test('reset before an answer', async () => {
    await startWith((socket) => socket.resetAndDestroy());
    expect((await call()).status).toBe(502);
    await expectGood();
  });
});

test('nobody listens: 502, also for a long body that nobody reads', async () => {
  const clock = createFakeClock();
  upstream = await startRawUpstream(() => undefined);
  proxied = await startProxied(policyTo(upstream.port), { clock });
  await upstream.stop();
  expect((await call()).status).toBe(502);
  expect((await fetch(proxied.url, { method: 'POST', body: 'x'.repeat(1_000_000) })).status).toBe(502);
  expect(proxied.failures).toEqual(['refused', 'refused']);
  await until(() => clock.pending().length === 0);
  upstream = await startRawUpstream(() => undefined);
});

describe('an answer that breaks off never looks complete', () => {
  test.each([
    ['shorter than announced', `${ok}Content-Length: 10\r\n\r\nabc`],
    ['a last chunk that never comes', `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`],
    [
      'an event stream without its end',
      `${ok}Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n: a\r\n`,
    ],
  ])('%s', async (_, bytes) => {
    for (const end of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
      await startWith((socket) => {
        socket.write(bytes);
        setImmediate(end, socket);
      });
      const answer = call().then((got) => got.text());
      await expect(answer).rejects.toThrow();
      await expectGood();
      await proxied.stop();
      await upstream.stop();
    }
    await startWith(() => undefined);
  });

  test('a chunk that is none', async () => {
    await startWith((socket) => {
      socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
      setImmediate(() => socket.write('zz\r\n'));
    });
    await expect(call().then((got) => got.text())).rejects.toThrow();
    await expectGood();
  });
});

describe('why an answer broke off is counted and written down', () => {
  const begun = `${ok}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n`;
  const stream = begun.replace('application/json', 'text/event-stream');

  /** Reads what has begun, lets it break, and gives the records. */
  async function breakOff(goWrong: () => void): Promise<Proxied['records']> {
    const answer = await call();
    const text = answer.text();
    goWrong();
    await expect(text).rejects.toThrow();
    await until(() => proxied.records.length > 0);
    return proxied.records;
  }

  test.each<[string, string, (socket: Socket) => void]>([
    ['reset', begun, (socket) => socket.resetAndDestroy()],
    ['reset', stream, (socket) => socket.resetAndDestroy()],
    ['reset', begun, (socket) => socket.end()],
    ['bad_answer', begun, (socket) => socket.write('zz\r\n')],
    ['bad_answer', stream, (socket) => socket.write('zz\r\n')],
  ])('%s', async (cause, bytes, goWrong) => {
    let socket: Socket | undefined;
    await startWith((given) => {
      socket = given;
      socket.write(bytes);
    });
    const records = await breakOff(() => socket && goWrong(socket));
    expect(records).toMatchObject([{ reason: 'admitted', status: 200, isCut: true, failure: cause }]);
    expect(proxied.failures).toEqual([cause]);
  });

  test('silent', async () => {
    const clock = createFakeClock();
    await startWith((socket) => socket.write(begun), { clock, patienceSeconds: () => 60 });
    const records = await breakOff(() => clock.advance(60_000));
    expect(records).toMatchObject([{ status: 200, isCut: true, failure: 'silent' }]);
    expect(proxied.failures).toEqual(['silent']);
  });

  test.each(['bad_answer', 'too_large'] as const)('%s, as what looks into events finds', async (cause) => {
    let socket: Socket | undefined;
    await startWith(
      (given) => {
        socket = given;
        socket.write(stream);
      },
      {
        filterFor: () =>
          new Transform({
            transform: (chunk, _, done) =>
              String(chunk) === '[' ? done(null, chunk) : done(new UpstreamError(cause)),
          }),
      },
    );
    const records = await breakOff(() => socket?.write('1\r\n]\r\n'));
    expect(records).toMatchObject([{ status: 200, isCut: true, failure: cause }]);
    expect(proxied.failures).toEqual([cause]);
  });

  test('a client that leaves is no failure of its upstream', async () => {
    await startWith((socket) => socket.write(begun));
    const leave = new AbortController();
    const answer = await fetch(proxied.url, { method: 'POST', body: '{}', signal: leave.signal });
    expect(answer.status).toBe(200);
    leave.abort();
    await until(() => proxied.records.length > 0 && upstream.connections() === 0);
    expect(proxied.records[0]).toMatchObject({ status: 200, isCut: true });
    expect(proxied.records[0]).not.toHaveProperty('failure');
    expect(proxied.failures).toEqual([]);
  });
});

describe("what comes after an answer is nobody's answer", () => {
  const answered = `${ok}Content-Length: 5\r\n\r\nfirst`;
  const poison = `${ok}Content-Length: 6\r\n\r\npoison`;

  test.each([
    ['an answer', poison],
    ['what is no answer', 'poison'],
  ])('%s in the same packet: the connection is closed', async (_, surplus) => {
    await startWith((socket) => socket.write(answered + surplus));
    const first = await call()
      .then((got) => got.text())
      .catch(() => 'cut');
    expect(['first', 'cut']).toContain(first);
    await until(() => upstream.connections() === 0);
    await expectGood();
  });

  test.each([
    ['an answer', poison],
    ['a byte', '\n'],
  ])('%s on the idle connection: it is closed at once', async (_, surplus) => {
    let idle: Socket | undefined;
    await startWith((socket) => {
      idle = socket;
      socket.write(answered);
    });
    await (await call()).text();
    expect(upstream.connections()).toBe(1);
    idle?.write(surplus);
    const startMs = performance.now();
    await until(() => upstream.connections() === 0);
    // Sooner than any idle connection is given up.
    expect(performance.now() - startMs).toBeLessThan(2000);
    await expectGood();
  });

  test.each<[string, string, (socket: Socket) => void]>([
    ['an answer', '', (socket) => socket.write(poison)],
    ['a part of one', '', (socket) => socket.write(poison.slice(0, 20))],
    ['the rest of one', poison.slice(0, 20), (socket) => socket.write(poison.slice(20))],
    ['the end of the connection', '', (socket) => socket.end()],
  ])('%s that nobody has read when the next request comes', async (_, surplus, send) => {
    let idle: Socket | undefined;
    await startWith((socket) => socket.write(answered + surplus, () => (idle = socket)), {
      identify: async () => {
        if (idle !== undefined) send(idle);
        idle = undefined;
        return [];
      },
    });
    expect(await (await call()).text()).toBe('first');
    await until(() => idle !== undefined);
    await expectGood();
    expect(proxied.failures).toEqual([]);
    await until(() => upstream.connections() === 1);
    await expectGood();
    expect(upstream.connections()).toBe(1);
  });

  test('an answer while the one before is there and not taken yet: the connection is closed', async () => {
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    let busy: Socket | undefined;
    await startWith(
      (socket) => {
        busy = socket;
        socket.write(answered.slice(0, -2));
      },
      {
        filterFor: () =>
          new Transform({
            writableHighWaterMark: 1,
            transform: (chunk, _, done) => void taken.then(() => done(null, chunk)),
          }),
      },
    );
    const answer = call();
    await until(() => busy !== undefined);
    for (const bytes of [answered.slice(-2), poison]) {
      await settle();
      busy?.write(bytes);
    }
    await until(() => upstream.connections() === 0);
    take();
    expect(await (await answer).text()).toBe('first');
    await expectGood();
    expect(proxied.failures).toEqual([]);
  });
});

test('up to 16 interim answers are passed over', async () => {
  await startWith((socket) => socket.write(`${interim.repeat(16)}${ok}Content-Length: 2\r\n\r\nok`));
  expect(await (await call()).text()).toBe('ok');
});

test('403 passes, without a challenge', async () => {
  await startWith((socket) =>
    socket.write(
      'HTTP/1.1 403 No\r\nWWW-Authenticate: Bearer error="insufficient_scope"\r\nContent-Length: 2\r\n\r\nno',
    ),
  );
  const answer = await call();
  expect(answer.status).toBe(403);
  expect(answer.headers.get('www-authenticate')).toBeNull();
  expect(await answer.text()).toBe('no');
});

test('of an answer pass only the headers that MCP needs', async () => {
  await startWith((socket) =>
    socket.write(
      `${ok}${[
        'Content-Type: application/json',
        'Content-Length: 2',
        'Cache-Control: no-store',
        'Cache-Control: private',
        'Retry-After: 5',
        'Connection: keep-alive, x-a',
        'Keep-Alive: timeout=100',
        'X-A: b',
        'Set-Cookie: a=b',
        'Server: theirs',
        'Date: yesterday',
        'Location: /x',
        'Access-Control-Allow-Origin: *',
        'Access-Control-Allow-Credentials: true',
        'Vary: Cookie',
        'WWW-Authenticate: Bearer',
        'Strict-Transport-Security: max-age=1',
        'Trailer: x',
        'Mcp_Session_Id: x',
      ].join('\r\n')}\r\n\r\n{}`,
    ),
  );
  const answer = await call();
  const { date, ...headers } = Object.fromEntries(answer.headers);
  expect(date).not.toBe('yesterday');
  expect(headers).toEqual({
    connection: 'keep-alive',
    'keep-alive': 'timeout=75',
    'content-type': 'application/json',
    'content-length': '2',
    'cache-control': 'no-store, private',
    'retry-after': '5',
  });
  expect(await answer.text()).toBe('{}');
});

describe('time', () => {
  const patience = { patienceSeconds: () => 60 };

  test('an upstream that never answers: 504 when the patience is over, and its connection is closed', async () => {
    const clock = createFakeClock();
    await startWith(() => undefined, { clock, ...patience });
    const answer = call();
    await until(() => upstream.received().includes('{}'));
    clock.advance(59_999);
    expect(proxied.failures).toEqual([]);
    clock.advance(1);
    expect((await answer).status).toBe(504);
    await until(() => upstream.connections() === 0);
    expect(proxied.failures).toEqual(['timeout']);
    expect(clock.pending()).toEqual([]);
    await expectGood();
  });

  test('interim answers do not buy time', async () => {
    const clock = createFakeClock();
    let trickle = (): void => undefined;
    await startWith(
      (socket) => {
        trickle = () => void socket.write(interim);
      },
      { clock, ...patience },
    );
    const answer = call();
    await until(() => upstream.received().includes('{}'));
    clock.advance(40_000);
    trickle();
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(20_000);
    expect((await answer).status).toBe(504);
  });

  test('an answer that falls silent is cut; one that goes on is not', async () => {
    const clock = createFakeClock();
    let write = (_: string): void => undefined;
    await startWith(
      (socket) => {
        write = (text) => void socket.write(text);
        write(`${ok}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n`);
      },
      { clock, ...patience },
    );
    const answer = await call();
    const reader = answer.body?.getReader();
    const read = async (): Promise<string> => Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(await read()).toBe('[');
    for (let round = 0; round < 3; round += 1) {
      clock.advance(59_000);
      write('1\r\n1\r\n');
      expect(await read()).toBe('1');
    }
    clock.advance(60_000);
    await expect(read()).rejects.toThrow();
    expect(proxied.failures).toEqual(['silent']);
    await until(() => upstream.connections() === 0);
  });

  test('an event stream may be silent for ever, also when its request is still being sent', async () => {
    const clock = createFakeClock();
    let events = (_: string): void => undefined;
    upstream = await startHttpUpstream((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'Text/Event-Stream; charset=utf-8' });
      response.flushHeaders();
      events = (text) => void response.write(text);
    });
    proxied = await startProxied(policyTo(upstream.port), { clock, ...patience });
    const outgoing = startRequest(proxied.url, { method: 'POST' });
    outgoing.write('early');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(answer.headers['x-accel-buffering']).toBe('no');
    outgoing.write('late');
    await until(() => upstream.received().includes('late'));
    clock.advance(3_600_000);
    outgoing.end();
    events(': still here\n\n');
    expect(String((await once(answer, 'data'))[0])).toBe(': still here\n\n');
    outgoing.destroy();
    expect(proxied.failures).toEqual([]);
  });

  test('no connection within 2 s: 504', async () => {
    const clock = createFakeClock();
    // A TLS handshake that nobody answers is a connection that is not made yet.
    upstream = await startRawUpstream(() => undefined);
    const policy = policyTo(upstream.port);
    proxied = await startProxied(
      {
        ...policy,
        ...(policy.upstream && { upstream: { ...policy.upstream, tls: { servername: 'a.b.svc' } } }),
      },
      { clock, ...patience },
    );
    const answer = call();
    await until(() => upstream.received().length > 0);
    clock.advance(2_000);
    expect((await answer).status).toBe(504);
    expect(proxied.failures).toEqual(['timeout']);
    await until(() => upstream.connections() === 0);
  });
});

test('one connection serves requests one after the other', async () => {
  const seen = new Set<unknown>();
  upstream = await startHttpUpstream((request, response) => {
    seen.add(request.socket);
    response.end('x');
  });
  proxied = await startProxied(policyTo(upstream.port));
  for (let round = 0; round < 5; round += 1) await (await call()).text();
  expect(seen.size).toBe(1);
});
