import { connect } from 'node:net';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { UpstreamError } from '../../../operator/http/proxy/upstream-failure.ts';
import type { Release } from '../../../operator/http/shares.ts';
import { createToolListFilter } from '../../../operator/http/tools/tool-list-filter.ts';
import { until } from '../../fixtures/fake-clock.ts';
import { type ScriptedUpstream, startHttpUpstream } from '../../fixtures/scripted-upstream.ts';
import { type Proxied, policyTo, startProxied } from '../proxy/proxied.ts';
import { admit } from './admissions.ts';

const atOnce = async <T>(work: () => T): Promise<T> => work();

const tools = [
  { names: ['whoami', 'delete'], scopes: ['mcp:admin'] },
  { names: ['search'], scopes: ['mcp:search'] },
];

/** Counts the bytes that are held. */
function createRoom(limit = Number.POSITIVE_INFINITY) {
  let held = 0;
  const hold = (bytes: number): Release | undefined => {
    if (held + bytes > limit) return undefined;
    held += bytes;
    return () => {
      held -= bytes;
    };
  };
  return { hold, held: () => held };
}

interface Setting {
  readonly mediaType?: string;
  readonly status?: number;
  readonly scopes?: readonly string[];
  readonly maxBytes?: number;
  readonly room?: ReturnType<typeof createRoom>;
}

function create({
  mediaType = 'application/json',
  status = 200,
  scopes = ['mcp:search'],
  ...limits
}: Setting) {
  const { maxBytes = 10_000, room = createRoom() } = limits;
  return createToolListFilter(
    admit(scopes, tools),
    { status, mediaType },
    { maxBytes, hold: room.hold, spend: atOnce },
  );
}

function createStream(setting: Setting): Transform {
  const filter = create(setting);
  if (filter === undefined || filter === 'refuse') throw new Error('no filter');
  return filter;
}

async function pass(chunks: readonly Uint8Array[], setting: Setting = {}): Promise<string> {
  const filter = createStream(setting);
  const [, out] = await Promise.all([pipeline(Readable.from(chunks), filter), filter.toArray()]);
  return Buffer.concat(out).toString();
}

const list = (...names: readonly string[]): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: names.map((name) => ({ name })) } });

describe('a JSON answer', () => {
  test('comes without the tools that the caller cannot call', async () => {
    const answer = [Buffer.from(list('whoami', 'search', 'free', 'delete'))];
    expect(await pass(answer)).toBe(list('search', 'free'));
    expect(await pass(answer, { scopes: ['mcp:admin'] })).toBe(list('whoami', 'free', 'delete'));
    expect(await pass(answer, { scopes: ['mcp:search', 'mcp:admin'] })).toBe(answer.join(''));
    expect(await pass(answer, { scopes: [] })).toBe(list('free'));
  });

  test('may be empty', async () => {
    expect(await pass([], { status: 202 })).toBe('');
  });

  test.each([
    ['is not JSON', list('whoami').slice(1), {}],
    ['is too large', list('whoami'), { maxBytes: 20 }],
    ['finds no room', list('whoami'), { room: createRoom(20) }],
  ])('that %s goes nowhere', async (_, text, setting) => {
    const filter = createStream(setting);
    const out: unknown[] = [];
    filter.on('data', (chunk) => out.push(chunk));
    const halves = [text.slice(0, 10), text.slice(10)].map((half) => Buffer.from(half));
    await expect(pipeline(Readable.from(halves), filter)).rejects.toBeInstanceOf(UpstreamError);
    expect(out).toEqual([]);
  });
});

test.each([
  ['application/json', ''],
  ['text/event-stream', 'data: '],
])('what a slow client has not taken of %s is held, once', async (mediaType, prefix) => {
  const room = createRoom();
  const filter = createStream({ mediaType, maxBytes: 1_000_000, room });
  const bytes = Buffer.from(`${prefix}${list('whoami', 'x'.repeat(900_000))}\n\n`);
  if (mediaType === 'application/json') filter.end(bytes);
  else filter.write(bytes);
  await until(() => filter.readableLength > 0);
  expect(room.held()).toBeGreaterThan(800_000);
  expect(room.held()).toBeLessThanOrEqual(bytes.length);
  // The stream goes on, and is silent.
  filter.resume();
  await until(() => filter.readableLength === 0);
  expect(room.held()).toBe(0);
  filter.destroy();
});

test('a JSON answer needs no more room while a slow client takes it than while it came', async () => {
  const bytes = Buffer.from(list('search', 'x'.repeat(900_000)));
  const filter = createStream({ maxBytes: 1_000_000, room: createRoom(1_000_000) });
  const ended = pipeline(Readable.from([bytes]), filter);
  await expect(ended).resolves.toBeUndefined();
  expect(Buffer.concat(await filter.toArray())).toEqual(bytes);
});

test.each([
  ['text/html', 200],
  ['application/x-ndjson', 200],
  ['multipart/mixed', 200],
  ['application/json5', 200],
])('%s with a result cannot be looked into', (mediaType, status) => {
  expect(create({ mediaType, status })).toBe('refuse');
});

test.each([
  ['text/plain', 404],
  ['text/plain', 405],
  ['text/plain', 202],
  ['', 200],
  ['', 202],
])('of %j beside %i nobody needs the body', async (mediaType, status) => {
  expect(await pass([Buffer.from(list('whoami'))], { mediaType, status })).toBe('');
});

test('without tool rules nothing is looked into', () => {
  const limits = { maxBytes: 1, hold: () => undefined, spend: atOnce };
  expect(
    createToolListFilter(admit([], []), { status: 200, mediaType: 'text/html' }, limits),
  ).toBeUndefined();
});

describe('an event stream', () => {
  const mediaType = 'text/event-stream';

  test('that is cut off gives its room back, and holds none between events', async () => {
    const room = createRoom();
    const filter = createStream({ mediaType, room });
    const write = (text: string) => new Promise((resolve) => filter.write(text, resolve));
    await write(`data: ${list('a')}\n\n`);
    expect(room.held()).toBe(0);
    expect(String(filter.read())).toBe(`data: ${list('a')}\n\n`);
    await write('data: {');
    expect(room.held()).toBe(7);
    const closed = new Promise((resolve) => filter.once('close', resolve));
    filter.destroy();
    await closed;
    expect(room.held()).toBe(0);
  });

  const word = fc.constantFrom('whoami', 'delete', 'search', 'free', 'é\u2028😀', 'who"ami');
  const message = fc
    .record({
      names: fc.array(word, { maxLength: 4 }),
      scope: fc.constantFrom('public', 'private', undefined),
      indent: fc.constantFrom(undefined, 1),
      isEscaped: fc.boolean(),
    })
    .map(({ names, scope, indent, isEscaped }) => {
      const result = { tools: names.map((name) => ({ name })), cacheScope: scope };
      const text = JSON.stringify({ jsonrpc: '2.0', id: 1, result }, null, indent);
      return isEscaped ? text.replaceAll('whoami', '\\u0077hoami') : text;
    });
  const end = fc.constantFrom('\n', '\r', '\r\n');
  const line = fc.oneof(
    message.map((text) => text.split('\n').map((part) => `data: ${part}`)),
    fc.constantFrom([': ping'], ['id: 1'], ['event: message'], ['retry: 5'], ['data'], ['other'], ['']),
  );
  const stream = fc
    .record({
      mark: fc.constantFrom('', '\ufeff'),
      lines: fc.array(fc.tuple(line, fc.boolean()), { maxLength: 6 }),
      ends: fc.array(end, { minLength: 1, maxLength: 3 }),
    })
    .map(({ mark, lines, ends }) => {
      const all = lines.flatMap(([parts, isEnd]) => [...parts, ...(isEnd ? [''] : [])]);
      return mark + all.map((text, index) => text + ends[index % ends.length]).join('');
    });
  const cuts = fc.array(fc.nat(2000), { maxLength: 12 });

  /** What comes out, whole or up to a refusal. */
  async function outcome(bytes: Uint8Array, at: readonly number[]): Promise<string> {
    const places = [0, ...at.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
    const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
    return await pass(chunks, { mediaType }).catch(() => 'refused');
  }

  test('comes out the same however it is cut, and never with a hidden name', async () => {
    await fc.assert(
      fc.asyncProperty(stream, cuts, async (text, at) => {
        const bytes = Buffer.from(text);
        const whole = await outcome(bytes, []);
        expect(await outcome(bytes, at)).toBe(whole);
        expect(whole).not.toMatch(/"(?:whoami|\\u0077hoami|delete)"/);
        if (!/whoami|delete|public|u0077/.test(text) && whole !== 'refused') expect(whole).toBe(text);
      }),
      { numRuns: 1500 },
    );
  });

  test('comes out the same byte by byte', async () => {
    const text = `\ufeff: hi\r\n\r\nid: 1\rdata: ${list('é😀', 'whoami')}\r\revent: message\ndata: ${list('a')}\n\n`;
    const bytes = Buffer.from(text);
    const out = await pass(
      [...bytes].map((byte) => Buffer.of(byte)),
      { mediaType },
    );
    expect(out).toBe(text.replace(',{"name":"whoami"}', ''));
  });
});

describe('behind the proxy', () => {
  let upstream: ScriptedUpstream;
  let proxied: Proxied;

  afterEach(async () => {
    await proxied.stop();
    await upstream.stop();
  });

  let room: ReturnType<typeof createRoom>;

  async function start(
    answer: Parameters<typeof startHttpUpstream>[0],
    maxBytes = 10_000,
    patience = 60,
  ): Promise<void> {
    room = createRoom();
    upstream = await startHttpUpstream(answer);
    proxied = await startProxied(policyTo(upstream.port, { tools }), {
      filterFor: (admission, kind) =>
        createToolListFilter(admission, kind, { maxBytes, hold: room.hold, spend: atOnce }),
      patienceSeconds: () => patience,
    });
  }

  test('a JSON answer has a length that fits no more', async () => {
    await start((_, response) => {
      const body = list('whoami', 'free');
      response.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': body.length,
      });
      response.end(body);
    });
    const answer = await fetch(proxied.url, { method: 'POST', body: '{}' });
    expect(await answer.text()).toBe(list('free'));
    await until(() => room.held() === 0);
  });

  test('a client that takes nothing of a held answer is cut, and its room given back', async () => {
    const large = list('whoami', 'x'.repeat(16_000_000));
    await start(
      (_, response) => response.setHeader('content-type', 'application/json').end(large),
      2 * large.length,
      1,
    );
    const socket = connect(proxied.port, '127.0.0.1').on('error', () => undefined);
    socket.pause().write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}');
    await until(() => room.held() > 0);
    await until(() => room.held() === 0);
    expect(proxied.responses.size).toBe(0);
    socket.destroy();
  });

  test('an answer without a body gets no length', async () => {
    await start((_, response) => response.writeHead(204).end());
    const answer = await fetch(proxied.url, { method: 'DELETE' });
    expect([answer.status, answer.headers.get('content-length')]).toEqual([204, null]);
  });

  test('an event arrives before the next one is sent', async () => {
    let goOn = (): void => undefined;
    await start((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${list('whoami', 'free')}\n\n`);
      goOn = () => response.end(`data: ${list('delete')}\n\n`);
    });
    const answer = await fetch(proxied.url, { method: 'POST', body: '{}' });
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text === `data: ${list('free')}\n\n`) goOn();
    }
    expect(text).toBe(`data: ${list('free')}\n\ndata: ${list()}\n\n`);
  });

  test('an answer that cannot be read is a 502, an event breaks its stream off', async () => {
    let type = 'application/json';
    await start((_, response) => {
      response.setHeader('content-type', type);
      response.end(type === 'application/json' ? `${list('whoami')},` : `data: ${list('whoami')},\n\n`);
    });
    const answer = await fetch(proxied.url, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(502);
    expect(await answer.text()).not.toContain('whoami');
    type = 'text/event-stream';
    const stream = fetch(proxied.url, { method: 'POST', body: '{}' });
    await expect(stream.then((begun) => begun.text())).rejects.toThrow();
  });

  test('a page is no answer; what says that a session is over is', async () => {
    let status = 200;
    await start((_, response) => {
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.end('whoami');
    });
    expect((await fetch(proxied.url, { method: 'POST', body: '{}' })).status).toBe(502);
    status = 404;
    const answer = await fetch(proxied.url, { method: 'POST', body: '{}' });
    expect([answer.status, await answer.text()]).toEqual([404, '']);
  });
});
