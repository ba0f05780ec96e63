import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDocumentFetcher,
  type DocumentOutcome,
  type DocumentRequest,
} from '../../operator/keys/outbound.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, until } from '../fixtures/fake-clock.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { playScript, redirectTo, type Script } from '../fixtures/scripted-response.ts';
import { allowLoopback, resolveTo, startCanary } from './loopback.ts';

const PATH = '/document';
const MAX_BYTES = 64 * 1024;

let issuer: ScriptableIssuer;
/** Connections that the issuer has not seen the end of. */
let open = 0;

beforeAll(async () => {
  issuer = await startScriptableIssuer({ ca: await createCertificateAuthority(), keys: { keys: [] } });
});
afterAll(() => issuer.stop());

const fetchDocument = createDocumentFetcher({ resolve: resolveTo(['127.0.0.1']) });

function requestOf(change: Partial<DocumentRequest> = {}): DocumentRequest {
  const outbound = allowLoopback(issuer.issuer);
  return { url: `${issuer.issuer}${PATH}`, caPem: issuer.caPem, outbound, maxBytes: MAX_BYTES, ...change };
}

/** Watches the connection, to see it ended before the answer is looked at. */
function watched(script: Script): Script {
  return async (request, response) => {
    open += 1;
    request.socket.once('close', () => {
      open -= 1;
    });
    await playScript(script, request, response);
  };
}

async function fetchScripted(script: Script): Promise<DocumentOutcome> {
  issuer.respond(PATH, watched(script));
  const outcome = await fetchDocument(requestOf());
  await until(() => open === 0);
  return outcome;
}

const answered = (failure: string): object => ({ ok: false, failure, answered: true });
const cut = (failure: string): object => ({ ok: false, failure, answered: false });

describe('a fetch', () => {
  it('brings the body as it is, over a connection that ends', async () => {
    const body = Buffer.from([0xef, 0xbb, 0xbf, 0x00, 0xff]);
    expect(await fetchScripted({ body })).toEqual({ ok: true, body });
  });

  it('brings an empty body', async () => {
    expect(await fetchScripted({})).toEqual({ ok: true, body: Buffer.alloc(0) });
  });

  it('sends nothing that says more than it must', async () => {
    await fetchScripted({ body: {} });
    const { method, headers } = issuer.requests.at(-1) ?? {};
    expect(method).toBe('GET');
    expect(headers).toEqual({
      host: new URL(issuer.issuer).host,
      accept: 'application/json, application/jwk-set+json',
      'accept-encoding': 'identity',
      connection: 'close',
      'user-agent': 'mcp-auth-operator',
    });
  });

  it('takes cookies nowhere', async () => {
    await fetchScripted({ headers: { 'set-cookie': 'session=1; Path=/' }, body: {} });
    await fetchScripted({ body: {} });
    expect(issuer.requests.at(-1)?.headers.cookie).toBeUndefined();
  });

  it('sends the query', async () => {
    await fetchDocument(requestOf({ url: `${issuer.issuer}${PATH}?p=b2c_1&q=%20` }));
    expect(issuer.requests.at(-1)?.path).toBe(`${PATH}?p=b2c_1&q=%20`);
  });

  it.each([201, 204, 206, 304, 400, 401, 403, 404, 405, 410, 429, 500, 502, 503])(
    'takes status %i for an error',
    async (status) => {
      expect(await fetchScripted({ status })).toEqual(answered('HTTPError'));
    },
  );

  it.each([301, 302, 303, 307, 308])('does not follow a %i', async (status) => {
    await using canary = await startCanary();
    const before = issuer.requests.length;
    const script = redirectTo(`https://localhost:${canary.port}/`, status);
    expect(await fetchScripted(script)).toEqual(answered('HTTPError'));
    expect(await fetchScripted(redirectTo(`${issuer.issuer}/elsewhere`, status))).toEqual(
      answered('HTTPError'),
    );
    expect(issuer.requests.length).toBe(before + 2);
    expect(canary.connections()).toBe(0);
  });

  it('does not speak another protocol afterwards', async () => {
    const upgrade: Script = (_, response) =>
      response.socket?.end('HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n');
    expect(await fetchScripted(upgrade)).toEqual(cut('HTTPError'));
  });

  it.each(['gzip', 'br', 'deflate', 'identity, gzip', 'x'])('refuses the encoding %s', async (encoding) => {
    const script = { headers: { 'content-encoding': encoding }, body: gzipSync(Buffer.alloc(1 << 20)) };
    expect(await fetchScripted(script)).toEqual(answered('InvalidDocument'));
  });

  it('takes "identity" for no encoding', async () => {
    const outcome = await fetchScripted({ headers: { 'content-encoding': 'Identity' }, body: '{}' });
    expect(outcome).toMatchObject({ ok: true });
  });
});

describe('a body', () => {
  it('may have the greatest size and no byte more', async () => {
    expect(await fetchScripted({ body: Buffer.alloc(MAX_BYTES) })).toMatchObject({ ok: true });
    expect(await fetchScripted({ body: Buffer.alloc(MAX_BYTES + 1) })).toEqual(answered('TooLarge'));
  });

  it('is not waited for when it says that it is too large', async () => {
    const script = { headers: { 'content-length': 1e12 }, body: '{', ending: 'hang' } as const;
    expect(await fetchScripted(script)).toEqual(answered('TooLarge'));
  });

  it('of 10 MB is cut off', async () => {
    expect(await fetchScripted({ body: Buffer.alloc(10 << 20, '[') })).toEqual(answered('TooLarge'));
  });

  it('that never ends is cut off by what has come, not by what was announced', async () => {
    let sent = 0;
    const endless: Script = async (_, response) => {
      const piece = Buffer.alloc(16 * 1024, ' ');
      for (; !response.destroyed; sent += piece.length) {
        await new Promise<void>((resolve) => {
          response.once('close', resolve).write(piece, () => resolve());
        });
      }
    };
    expect(await fetchScripted(endless)).toEqual(answered('TooLarge'));
    expect(sent).toBeLessThan(16 << 20);
  });

  it.each([
    ['shorter than announced', { headers: { 'content-length': 100 }, body: '{}', ending: 'reset' }],
    ['cut after the head', { ending: 'reset' }],
  ] as const)('that is %s is no document', async (_, script) => {
    expect(await fetchScripted(script)).toEqual(cut('HTTPError'));
  });

  it('that is longer than announced is what was announced', async () => {
    const lying: Script = (_, response) =>
      response.socket?.end(
        'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{"keys":[]}HTTP/1.1 200 OK\r\n\r\n',
      );
    expect(await fetchScripted(lying)).toEqual({ ok: true, body: Buffer.from('{}') });
  });

  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    ],
    ['a bad length', 'HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}'],
    ['a head that is too large', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
    ['nothing at all', ''],
  ])('with %s is an error', async (_, text) => {
    const broken: Script = (__, response) => response.socket?.end(text);
    expect(await fetchScripted(broken)).toMatchObject({ ok: false, failure: 'HTTPError' });
  });
});

describe('time', () => {
  const endings: readonly (readonly [string, Script])[] = [
    ['no answer', 'hang'],
    ['a head and silence', { ending: 'hang' }],
    ['half a body and silence', { body: '{"issuer":', ending: 'hang' }],
    ['a byte at a time', { body: ' '.repeat(10_000), drip: { bytes: 1, everyMs: 1 } }],
  ];

  it.each(endings)('runs out on %s', async (_, script) => {
    const clock = createFakeClock();
    const fetchHeld = createDocumentFetcher({ clock, resolve: resolveTo(['127.0.0.1']) });
    issuer.respond(PATH, watched(script));
    const outcome = fetchHeld(requestOf());
    await until(() => open === 1);
    clock.advance(4_999);
    expect(await Promise.race([outcome, Promise.resolve('waiting')])).toBe('waiting');
    clock.advance(1);
    expect(await outcome).toEqual(cut('Timeout'));
    expect(clock.pending()).toEqual([]);
    await until(() => open === 0);
  });

  it('ends early when the caller loses interest', async () => {
    const controller = new AbortController();
    issuer.respond(PATH, watched('hang'));
    const outcome = fetchDocument(requestOf({ signal: controller.signal }));
    await until(() => open === 1);
    controller.abort();
    expect(await outcome).toEqual(cut('Timeout'));
    await until(() => open === 0);
    expect(await fetchDocument(requestOf({ signal: controller.signal }))).toEqual(cut('Timeout'));
  });

  it('leaves no timer, no listener and no connection behind', async () => {
    const { signal } = new AbortController();
    const clock = createFakeClock();
    const fetchHeld = createDocumentFetcher({ clock, resolve: resolveTo(['127.0.0.1']) });
    for (const script of [
      { body: '{}' },
      { status: 404 },
      { body: Buffer.alloc(MAX_BYTES * 2) },
      'reset',
    ] as const) {
      issuer.respond(PATH, watched(script));
      await fetchHeld(requestOf({ signal }));
      expect(clock.pending()).toEqual([]);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }
    await until(() => open === 0);
  });
});
