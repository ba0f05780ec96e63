import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGate } from '../../../operator/http/gate/gate.ts';
import { type Listener, listen } from '../../../operator/http/listener.ts';
import { createProxy } from '../../../operator/http/proxy/proxy.ts';
import { readHead } from '../../../operator/http/request-head.ts';
import { write } from '../../../operator/http/write.ts';
import { parseHostPattern } from '../../../operator/policy/host-pattern.ts';
import { routeKey } from '../../../operator/policy/snapshot.ts';
import { systemClock } from '../../../operator/time/clock.ts';
import { type ScriptedUpstream, startHttpUpstream } from '../../fixtures/scripted-upstream.ts';
import { policyTo, sendRaw, token } from './proxied.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let upstream: ScriptedUpstream;
let listener: Listener;
let seen: Seen[];

beforeEach(async () => {
  seen = [];
  upstream = await startHttpUpstream(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString('latin1');
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.end('passed');
  });
  listener = await startGated(upstream.port);
});

afterEach(async () => {
  await listener.drain(0);
  await upstream.stop();
});

/** The proxy behind the real gate and the real listener; one token is good. */
async function startGated(upstreamPort: number): Promise<Listener> {
  const policy = policyTo(upstreamPort, {
    verifier: { mode: 'OIDC' } as never,
    metadataURL: 'https://h/.well-known/oauth-protected-resource/mcp',
  });
  const table = {
    hosts: { shared: [parseHostPattern('h')], own: [] },
    allowedOrigins: [],
    routes: new Map([[routeKey(undefined, '/mcp'), policy]]),
  };
  const principal = { issuer: 'https://idp', subject: 'alice', audiences: [], scopes: [], expiresAt: 1 };
  const gate = createGate(async (given) =>
    given === token ? { kind: 'admitted', principal } : { kind: 'denied', reason: 'signature_invalid' },
  );
  const proxy = createProxy({
    clock: systemClock,
    identify: async () => [
      ['mcp-auth-subject', 'alice'],
      ['mcp-auth-assertion', 'ours'],
    ],
    sessionKeys: () => [new Uint8Array(32)],
    filterFor: () => undefined,
    takeStream: () => () => undefined,
    patienceSeconds: () => 60,
    metrics: { noteAnswer: () => undefined, countFailure: () => undefined },
  });
  return await listen(
    async (incoming, response) => {
      const decision = await gate(readHead(incoming), table);
      if (decision.kind === 'answer') write(response, decision.answer);
      else await proxy.handle({ incoming, admission: decision }, response);
    },
    { host: '127.0.0.1', port: 0 },
  );
}

const good = ['Host: h', `Authorization: Bearer ${token}`, 'Connection: close'];

interface Raw {
  readonly line?: string;
  readonly base?: readonly string[];
  readonly headers?: readonly string[];
  readonly body?: string;
}

function send({ line = 'POST /mcp HTTP/1.1', base = good, headers = [], body = '' }: Raw): Promise<string> {
  return sendRaw(listener.address.port, [line, ...base, ...headers, '', body].join('\r\n'));
}

/** What a front that frames otherwise would take for a second request. */
const inner = `GET /smuggled HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`;
const chunked = `0\r\n\r\n${inner}`;

describe('refused, and not a byte reaches the upstream', () => {
  test.each<[string, Raw]>([
    ['length and chunks', { headers: ['Content-Length: 4', 'Transfer-Encoding: chunked'], body: chunked }],
    ['chunks and length', { headers: ['Transfer-Encoding: chunked', 'Content-Length: 4'], body: chunked }],
    ['two lengths', { headers: ['Content-Length: 0', `Content-Length: ${inner.length}`], body: inner }],
    ['two equal lengths', { headers: ['Content-Length: 3', 'Content-Length: 3'], body: 'abc' }],
    ['a list of lengths', { headers: ['Content-Length: 3, 3'], body: 'abc' }],
    ['a length with a sign', { headers: ['Content-Length: +3'], body: 'abc' }],
    ['a negative length', { headers: ['Content-Length: -3'], body: 'abc' }],
    ['a length in hex', { headers: ['Content-Length: 0x3'], body: 'abc' }],
    ['a length with a space in it', { headers: ['Content-Length: 1 0'], body: inner }],
    ['a length beyond 64 bits', { headers: ['Content-Length: 18446744073709551619'], body: 'abc' }],
    ['an empty length', { headers: ['Content-Length:'], body: 'abc' }],
    ['xchunked', { headers: ['Transfer-Encoding: xchunked'], body: chunked }],
    ['chunked and identity', { headers: ['Transfer-Encoding: chunked, identity'], body: chunked }],
    ['identity', { headers: ['Transfer-Encoding: identity'], body: chunked }],
    ['gzip, chunked', { headers: ['Transfer-Encoding: gzip, chunked'], body: chunked }],
    [
      'chunked in two fields with another',
      { headers: ['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], body: chunked },
    ],
    ['chunked in quotes', { headers: ['Transfer-Encoding: "chunked"'], body: chunked }],
    ['a vertical tab before chunked', { headers: ['Transfer-Encoding: \x0bchunked'], body: chunked }],
    ['a space before the colon', { headers: ['Transfer-Encoding : chunked'], body: chunked }],
    ['a folded field', { headers: ['Transfer-Encoding:', ' chunked'], body: chunked }],
    ['a field that begins with a space', { headers: [' Transfer-Encoding: chunked'], body: chunked }],
    ['a lone CR in a value', { headers: ['Mcp-Name: a\rb', 'Content-Length: 0'] }],
    ['a lone LF as a line end', { headers: ['Mcp-Name: a\nMcp-Auth-Subject: root', 'Content-Length: 0'] }],
    ['a NUL in a value', { headers: ['Mcp-Name: a\0b', 'Content-Length: 0'] }],
    ['a NUL in a name', { headers: ['Mcp-\0Name: a', 'Content-Length: 0'] }],
    ['a control character in a value', { headers: ['Mcp-Name: a\x01b', 'Content-Length: 0'] }],
    ['DEL in a value', { headers: ['Mcp-Name: a\x7fb', 'Content-Length: 0'] }],
    ['two Hosts', { headers: ['Host: other', 'Content-Length: 0'] }],
    ['two equal Hosts', { headers: ['Host: h', 'Content-Length: 0'] }],
    ['two Authorizations', { headers: [`Authorization: Bearer ${token}`, 'Content-Length: 0'] }],
    [
      'a body of GET',
      { line: 'GET /mcp HTTP/1.1', headers: [`Content-Length: ${inner.length}`], body: inner },
    ],
    ['chunks of GET', { line: 'GET /mcp HTTP/1.1', headers: ['Transfer-Encoding: chunked'], body: chunked }],
    ['a body of DELETE', { line: 'DELETE /mcp HTTP/1.1', headers: ['Content-Length: 3'], body: 'abc' }],
    ['an absolute target', { line: 'POST http://h/mcp HTTP/1.1', headers: ['Content-Length: 0'] }],
    ['a target with a space', { line: 'POST /mcp HTTP/1.1 HTTP/1.1', headers: ['Content-Length: 0'] }],
    ['another path', { line: 'POST /mcp/../mcp HTTP/1.1', headers: ['Content-Length: 0'] }],
    ['an expectation that nobody knows', { headers: ['Expect: 200-maybe', 'Content-Length: 0'] }],
  ])('%s', async (_, raw) => {
    expect(await send(raw)).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(upstream.received()).toBe('');
  });
});

describe('a body whose framing breaks off: no upstream takes it for a whole one', () => {
  test.each([
    ['a chunk size in hex notation', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a negative chunk size', '-1\r\nabc\r\n0\r\n\r\n'],
    ['a chunk size beyond 64 bits', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
    ['a chunk that is longer than it says', '1\r\nabc\r\n0\r\n\r\n'],
    ['a lone LF after a chunk size', '3\nabc\n0\n\n'],
    ['a lone LF in a chunk extension', '3;a\nabc\r\n0\r\n\r\n'],
    ['a lone CR after a chunk', '3\r\nabc\r0\r\n\r\n'],
    ['a length in the trailers', '3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n'],
    ['a space after a chunk size', '3 \r\nabc\r\n0\r\n\r\n'],
  ])('%s', async (_, body) => {
    await send({ headers: ['Transfer-Encoding: chunked'], body });
    expect(seen).toEqual([]);
  });
});

describe('passed on as one request, which is what it is', () => {
  test.each<[string, Raw, string]>([
    ['a second request as the body', { headers: [`Content-Length: ${inner.length}`], body: inner }, inner],
    [
      'a second request in a chunk',
      {
        headers: ['Transfer-Encoding: chunked'],
        body: `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
      },
      inner,
    ],
    [
      'a chunk extension',
      { headers: ['Transfer-Encoding: chunked'], body: '3;a="b"\r\nabc\r\n0\r\n\r\n' },
      'abc',
    ],
    ['CHUNKED', { headers: ['Transfer-Encoding: CHUNKED'], body: '3\r\nabc\r\n0\r\n\r\n' }, 'abc'],
    [
      'trailers',
      {
        headers: ['Transfer-Encoding: chunked'],
        body: '3\r\nabc\r\n0\r\nX-A: b\r\nMcp-Auth-Subject: root\r\n\r\n',
      },
      'abc',
    ],
    [
      'an underscore twin of the coding',
      { headers: ['Transfer_Encoding: chunked', 'Content-Length: 3'], body: 'abc' },
      'abc',
    ],
    [
      'an underscore twin of the length',
      { headers: ['Content_Length: 9', 'Content-Length: 3'], body: 'abc' },
      'abc',
    ],
    [
      'lengths that Connection names',
      { headers: ['Connection: close, content-length, mcp-auth-subject', 'Content-Length: 3'], body: 'abc' },
      'abc',
    ],
    [
      'an upgrade to HTTP/2',
      { headers: ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABk', 'Content-Length: 3'], body: 'abc' },
      'abc',
    ],
    ['an expectation', { headers: ['Expect: 100-continue', 'Content-Length: 3'], body: 'abc' }, 'abc'],
  ])('%s', async (_, raw, body) => {
    const answer = await send(raw);
    expect(answer).toContain('passed');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/inner/mcp', body });
    const { headers } = seen[0] as Seen;
    expect(headers['mcp-auth-subject']).toBe('alice');
    expect(
      Object.keys(headers).filter((name) => /_|^(te|trailer|upgrade|expect|http2-settings)$/.test(name)),
    ).toEqual([]);
    expect(headers['content-length'] === undefined).not.toBe(headers['transfer-encoding'] === undefined);
    if (body !== inner) expect(upstream.received()).not.toContain(token);
  });
});

test('identity cannot be forged, in whatever spelling', async () => {
  const names = [
    'mcp-auth-subject',
    'MCP-AUTH-SUBJECT',
    'mcp_auth_subject',
    'Mcp-Auth_Subject',
    'mcp-auth-assertion',
    'mcp-auth-scopes',
    'mcp-auth-policy-name',
    'x-forwarded-user',
    'x-remote-user',
    'remote-user',
    'impersonate-user',
    'x-real-ip',
    'forwarded',
    'via',
    '__proto__',
    'constructor',
  ];
  const answer = await send({ headers: [...names.map((name) => `${name}: root`), 'Content-Length: 0'] });
  expect(answer).toContain('passed');
  expect(upstream.received()).not.toContain('root');
  expect(upstream.received().match(/^mcp-auth-[a-z-]+: .*$/gim)).toEqual([
    'mcp-auth-subject: alice',
    'mcp-auth-assertion: ours',
  ]);
});

test('no byte of a token goes further, wherever it was put', async () => {
  const places = [
    'Cookie',
    'Proxy-Authorization',
    'X-Api-Key',
    'X-Auth-Token',
    'Authorization_',
    'X-Authorization',
    'Referer',
    'Origin_',
    'Sec-WebSocket-Protocol',
    'traceparent',
    'Mcp_Session_Id',
    'Mcp-Param_Token',
  ];
  const answer = await send({
    line: `POST /mcp?token=${token} HTTP/1.1`,
    headers: [...places.map((name) => `${name}: ${token}`), 'Content-Length: 0'],
  });
  expect(answer).toContain('passed');
  expect(upstream.received()).toMatch(/^POST \/inner\/mcp HTTP\/1\.1\r\n/);
  expect(upstream.received()).not.toContain(token);
});

test('two requests on one connection are two requests, each judged by itself', async () => {
  const first = `POST /mcp HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nContent-Length: 3\r\n\r\none`;
  const second = 'POST /mcp HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\ntwo';
  const answers = await sendRaw(listener.address.port, first + second);
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401']);
  expect(seen.map(({ body }) => body)).toEqual(['one']);
});
