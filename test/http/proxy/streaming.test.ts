import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { settle, until } from '../../fixtures/fake-clock.ts';
import {
  type ScriptedUpstream,
  startHttpUpstream,
  startRawUpstream,
} from '../../fixtures/scripted-upstream.ts';
import { type Proxied, policyTo, sendRaw, startProxied } from './proxied.ts';

let upstream: ScriptedUpstream;
let proxied: Proxied;

afterEach(async () => {
  await proxied.stop();
  await upstream.stop();
});

type Options = Parameters<typeof startProxied> extends [unknown, ...infer Rest] ? Rest : never;

async function startWith(answer: Parameters<typeof startHttpUpstream>[0], ...rest: Options): Promise<void> {
  upstream = await startHttpUpstream(answer);
  proxied = await startProxied(policyTo(upstream.port), ...rest);
}

const megabyte = 1024 * 1024;
/** More than all socket buffers on the way hold together, far less than what is offered. */
const held = 64 * megabyte;
const offered = 512 * megabyte;

/** Writes until nobody takes any more, or everything has been taken; gives the bytes that were taken. */
async function pour(stream: {
  write(chunk: Buffer): boolean;
  once(event: 'drain', task: () => void): unknown;
}): Promise<number> {
  const chunk = Buffer.alloc(megabyte / 4);
  let taken = 0;
  for (let isStuck = false; !isStuck && taken < offered; ) {
    taken += chunk.length;
    if (stream.write(chunk)) continue;
    let isDrained = false;
    stream.once('drain', () => {
      isDrained = true;
    });
    for (let turns = 0; turns < 3000 && !isDrained; turns += 1) await settle(1);
    isStuck = !isDrained;
  }
  return taken;
}

function post(): ClientRequest {
  return startRequest(proxied.url, { method: 'POST' }).on('error', () => undefined);
}

describe('back-pressure', () => {
  test('a client that does not read stops the upstream, and gets everything when it does', async () => {
    let sent = 0;
    let isStuck = false;
    await startWith(async (_, response) => {
      sent = await pour(response);
      isStuck = true;
      response.end();
    });
    const outgoing = post();
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    await until(() => isStuck);
    expect(sent).toBeLessThan(held);
    let received = 0;
    for await (const chunk of answer) received += chunk.length;
    expect(received).toBe(sent);
  });

  test('an upstream that does not read stops the client, and gets everything when it does', async () => {
    let read = (): void => undefined;
    let received = 0;
    await startWith((request, response) => {
      read = () => {
        request.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        request.on('end', () => response.end('done'));
      };
    });
    const outgoing = post();
    const sent = await pour(outgoing);
    expect(sent).toBeLessThan(held);
    outgoing.end();
    read();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(String(await once(answer, 'data'))).toBe('done');
    expect(received).toBe(sent);
  });

  test('it holds through a filter', async () => {
    let isStuck = false;
    let sent = 0;
    await startWith(
      async (_, response) => {
        response.setHeader('content-length', offered);
        response.setHeader('content-type', 'text/event-stream');
        sent = await pour(response);
        isStuck = true;
      },
      { filterFor: () => new PassThrough() },
    );
    const outgoing = post();
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(answer.headers['content-length']).toBeUndefined();
    await until(() => isStuck);
    expect(sent).toBeLessThan(held);
    outgoing.destroy();
    await until(() => proxied.responses.size === 0);
  });
});

describe('who leaves takes the other with it', () => {
  test.each([
    ['while its request is being sent', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc', 'abc'],
    ['while it waits', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc', 'abc'],
    ['while it waits for a stream', 'GET / HTTP/1.1\r\nHost: h\r\n\r\n', 'GET /'],
  ])('a client that leaves %s: its upstream sees it at once', async (_, text, sign) => {
    upstream = await startRawUpstream(() => undefined);
    proxied = await startProxied(policyTo(upstream.port));
    const socket = connect(proxied.port, '127.0.0.1');
    socket.write(text);
    await until(() => upstream.received().includes(sign));
    expect(upstream.connections()).toBe(1);
    socket.destroy();
    await until(() => upstream.connections() === 0);
    expect(proxied.failures).toEqual([]);
  });

  test('a client that leaves an event stream', async () => {
    await startWith((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
    });
    const outgoing = startRequest(proxied.url).end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(String(await once(answer, 'data'))).toBe(': hello\n\n');
    outgoing.destroy();
    await until(() => upstream.connections() === 0);
    expect(proxied.failures).toEqual([]);
  });

  test('an upstream that leaves a stream cuts the client off, and is counted', async () => {
    let socket: Socket | undefined;
    await startWith((request, response) => {
      socket = request.socket;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
    });
    const answer = await fetch(proxied.url);
    const text = answer.text();
    socket?.resetAndDestroy();
    await expect(text).rejects.toThrow();
    await until(() => proxied.failures.length > 0);
    expect(proxied.failures).toEqual(['reset']);
  });

  test('an answer that comes before its request has ended: the rest is not sent', async () => {
    await startWith((_, response) => response.end('enough'));
    const outgoing = post();
    outgoing.write('begun');
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(String(await once(answer, 'data'))).toBe('enough');
    await until(() => upstream.connections() === 0);
    outgoing.end();
    await until(() => proxied.responses.size === 0);
    expect(proxied.failures).toEqual([]);
  });
});

test('a head that comes alone reaches the client before the first event', async () => {
  await startWith((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
  });
  const controller = new AbortController();
  const answer = await fetch(proxied.url, { signal: controller.signal });
  expect(answer.headers.get('x-accel-buffering')).toBe('no');
  controller.abort();
});

test('no share of streams left: 503, and the upstream is let go', async () => {
  let taken = 0;
  await startWith(
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    },
    {
      takeStream: () => {
        if (taken === 1) return undefined;
        taken += 1;
        return () => {
          taken -= 1;
        };
      },
    },
  );
  const first = startRequest(proxied.url).end();
  await once(first, 'response');
  const second = await fetch(proxied.url);
  expect(second.status).toBe(503);
  expect(second.headers.get('retry-after')).toBe('1');
  await until(() => upstream.connections() === 1);
  first.on('error', () => undefined).destroy();
  await until(() => taken === 0);
  await until(() => upstream.connections() === 0);
});

test('the end: standing streams are ended properly, on both sides', async () => {
  await startWith((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
  });
  const answer = await fetch(proxied.url);
  proxied.proxy.endStreams();
  expect(await answer.text()).toBe(': hello\n\n');
  await until(() => upstream.connections() === 0);
  expect(proxied.failures).toEqual([]);
});

test('the end: a standing stream whose client is slow is ended properly, although there is more to come', async () => {
  let isStuck = false;
  await startWith(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    await pour(response);
    isStuck = true;
  });
  const outgoing = startRequest(proxied.url).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  await until(() => isStuck);
  proxied.proxy.endStreams();
  await expect(once(answer.resume(), 'end')).resolves.toEqual([]);
  await until(() => upstream.connections() === 0);
  expect(proxied.failures).toEqual([]);
});

test.each([
  ['as it is', undefined],
  ['through a filter', new PassThrough()],
])('the end: a standing stream that begins only then is ended properly, too: %s', async (_, filter) => {
  let answer = (): void => undefined;
  await startWith(
    (__, response) => {
      answer = () => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': hello\n\n');
      };
    },
    { filterFor: () => filter },
  );
  const late = fetch(proxied.url);
  await until(() => upstream.received().includes('GET'));
  proxied.proxy.endStreams();
  answer();
  expect((await late).status).toBe(200);
  expect(await (await late).text()).toBe('');
  await until(() => upstream.connections() === 0);
  expect(proxied.failures).toEqual([]);
});

test('the end: what was asked by POST is answered, also as events', async () => {
  let answer = (): void => undefined;
  await startWith((_, response) => {
    answer = () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: 1\n\n');
    };
  });
  const asked = fetch(proxied.url, { method: 'POST' });
  await until(() => upstream.received().includes('POST'));
  proxied.proxy.endStreams();
  answer();
  expect(await (await asked).text()).toBe('data: 1\n\n');
});

test('trailers stay where they are, in both directions', async () => {
  upstream = await startRawUpstream((socket, head) => {
    if (!head.startsWith('POST')) return;
    socket.write(
      'HTTP/1.1 200 OK\r\nTrailer: x-a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: theirs\r\n\r\n',
    );
  });
  proxied = await startProxied(policyTo(upstream.port));
  const answer = await sendRaw(
    proxied.port,
    'POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTE: trailers\r\nTrailer: x-b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-B: ours\r\n\r\n',
  );
  expect(answer).toContain('ok');
  expect(answer.toLowerCase()).not.toMatch(/x-a|trailer/);
  await until(() => upstream.received().includes('abc'));
  expect(upstream.received().toLowerCase()).not.toMatch(/x-b|trailer|\bte:/);
});

test('nobody warns of too many listeners', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  await startWith(
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(': hello\n\n');
    },
    { filterFor: () => new PassThrough() },
  );
  for (let round = 0; round < 20; round += 1) await (await fetch(proxied.url)).text();
  await settle();
  process.off('warning', note);
  expect(warnings).toEqual([]);
});

test('1,000 clients that leave leave nothing behind', async () => {
  await startWith((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
  });
  const handles = (): number => process.getActiveResourcesInfo().filter((name) => /TCP/.test(name)).length;
  const before = handles();
  const texts = [
    'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc',
    'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc',
    'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  ];
  for (let round = 0; round < 50; round += 1) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => leave(texts[index % 4] ?? '', index)));
  }
  await until(() => proxied.responses.size === 0 && upstream.connections() === 0);
  await until(() => handles() <= before);
  expect(proxied.failures).toEqual([]);
});

/** Some leave before they have been answered, others in the middle. */
async function leave(text: string, index: number): Promise<void> {
  const socket = connect(proxied.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  if (index % 3 === 0) await once(socket, 'data');
  else await settle(index % 5);
  if (index % 2 === 0) socket.resetAndDestroy();
  else socket.destroy();
}

test('the rest of a body that was answered early is not in the way of the next request', async () => {
  await startWith((incoming, response) => {
    response.writeHead(incoming.headers['user-agent'] === 'early' ? 413 : 200);
    response.end();
  });
  const head = 'POST /outer HTTP/1.1\r\nHost: h\r\n';
  const socket = connect(proxied.port, '127.0.0.1');
  let answers = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answers += text;
  });
  socket.write(`${head}User-Agent: early\r\nContent-Length: 100001\r\n\r\nx`);
  await until(() => answers.startsWith('HTTP/1.1 413'));
  socket.write(`${'x'.repeat(100_000)}${head}Content-Length: 0\r\n\r\n`);
  await until(() => answers.includes('HTTP/1.1 200'));
  socket.destroy();
});
