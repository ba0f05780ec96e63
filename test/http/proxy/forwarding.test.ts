import { afterEach, expect, test } from 'vitest';
import { type ScriptedUpstream, startHttpUpstream } from '../../fixtures/scripted-upstream.ts';
import { type Proxied, policyTo, sendRaw, startProxied, token } from './proxied.ts';

let upstream: ScriptedUpstream;
let proxied: Proxied;

afterEach(async () => {
  await proxied.stop();
  await upstream.stop();
});

async function start(
  answer: Parameters<typeof startHttpUpstream>[0],
  ...rest: Parameters<typeof startProxied> extends [unknown, ...infer Rest] ? Rest : never
): Promise<void> {
  upstream = await startHttpUpstream(answer);
  proxied = await startProxied(policyTo(upstream.port), ...rest);
}

const echo: Parameters<typeof startHttpUpstream>[0] = async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers, body }));
};

test('body, path and the headers of MCP arrive; nothing else of the request does', async () => {
  await start(echo);
  const answer = await fetch(proxied.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      cookie: `session=${token}`,
      origin: 'https://app.example.com',
      forwarded: `for=${token}`,
      'x-forwarded-for': token,
      'x-mcp-auth-subject': token,
      'mcp-auth-subject': 'root',
      mcp_auth_subject: 'root',
      'mcp-auth-policy-name': 'other',
      'proxy-authorization': token,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'add',
      'mcp-param-region': 'eu',
      mcp_param_region: 'us',
      'last-event-id': '7',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
    },
    body: '{"a":1}',
  });
  const seen = (await answer.json()) as { headers: Record<string, string> };
  expect(seen).toEqual({
    url: '/inner/mcp',
    method: 'POST',
    body: '{"a":1}',
    headers: {
      host: 'server.team-a.svc:8080',
      connection: 'keep-alive',
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'accept-language': '*',
      'content-length': '7',
      'content-type': 'application/json',
      'last-event-id': '7',
      'mcp-auth-subject': token,
      'mcp-method': 'tools/call',
      'mcp-name': 'add',
      'mcp-param-region': 'eu',
      'mcp-protocol-version': '2026-07-28',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      'user-agent': 'node',
    },
  });
});

test('a body that was read before is sent as it was', async () => {
  await start(echo, {}, true);
  const answer = await fetch(proxied.url, {
    method: 'POST',
    body: new Blob(['x'.repeat(100_000)]).stream(),
    duplex: 'half',
  } as RequestInit);
  const seen = (await answer.json()) as { headers: Record<string, string>; body: string };
  expect(seen.body).toHaveLength(100_000);
  expect(seen.headers['content-length']).toBe('100000');
});

test('a body of unknown length goes on in chunks', async () => {
  await start(echo);
  const answer = await fetch(proxied.url, {
    method: 'POST',
    body: new Blob(['abc']).stream(),
    duplex: 'half',
  } as RequestInit);
  const seen = (await answer.json()) as { headers: Record<string, string>; body: string };
  expect(seen.body).toBe('abc');
  expect(seen.headers['transfer-encoding']).toBe('chunked');
  expect(seen.headers['content-length']).toBeUndefined();
});

test.each(['GET', 'DELETE'])('%s has no body', async (method) => {
  await start(echo);
  expect(await (await fetch(proxied.url, { method })).json()).toMatchObject({ method, body: '' });
  const withBody = await sendRaw(
    proxied.port,
    `${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc`,
  );
  expect(withBody).toMatch(/^HTTP\/1.1 400 /);
});

test('a body of GET is refused also when it was read before', async () => {
  await start(echo, {}, true);
  const text = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc';
  expect(await sendRaw(proxied.port, text)).toMatch(/^HTTP\/1.1 400 /);
  expect(upstream.received()).toBe('');
  expect(await (await fetch(proxied.url)).json()).toMatchObject({ method: 'GET', body: '' });
});

const post = (headers: readonly string[], body = ''): string =>
  ['POST / HTTP/1.1', 'Host: h', 'Connection: close', ...headers, '', body].join('\r\n');

test.each([
  ['two lengths', ['Content-Length: 3', 'Content-Length: 4']],
  ['length and chunks', ['Content-Length: 3', 'Transfer-Encoding: chunked']],
  ['a length that is no number', ['Content-Length: +3']],
  ['two content types', ['Content-Length: 3', 'Content-Type: application/json', 'Content-Type: text/plain']],
  ['two names of tools', ['Content-Length: 3', 'Mcp-Name: a', 'mcp-name: b']],
  ['two sessions', ['Content-Length: 3', 'Mcp-Session-Id: a', 'Mcp-Session-Id: b']],
  ['a folded line', ['Content-Length: 3', 'Mcp-Name: a', ' b']],
  ['a NUL', ['Content-Length: 3', 'Mcp-Name: a\0b']],
  ['a space before the colon', ['Content-Length : 3']],
])('%s: refused, and nothing reaches the upstream', async (_, headers) => {
  await start(echo);
  expect(await sendRaw(proxied.port, post(headers, '{"a'))).toMatch(/^HTTP\/1.1 400 /);
  expect(upstream.received()).toBe('');
});

test('a header that comes after a thousand others is seen', async () => {
  await start(echo);
  const many = Array.from({ length: 1100 }, (_, index) => `a${index}: b`);
  const names = ['Mcp-Name: one', ...many, 'Mcp-Name: two'];
  expect(await sendRaw(proxied.port, post(['Content-Length: 0', ...names]))).toMatch(/^HTTP\/1.1 400 /);
  expect(await sendRaw(proxied.port, post(['Content-Length: 0', ...many, 'Mcp-Name: last']))).toContain(
    '"mcp-name":"last"',
  );
});

test('what a client names in Connection is not obeyed', async () => {
  await start(echo);
  const headers = ['Content-Length: 0', 'Mcp-Name: a', 'Connection: mcp-name, mcp-auth-subject'];
  const answer = await sendRaw(
    proxied.port,
    post(headers).replace('Connection: close\r\n', '').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
  );
  expect(answer).toContain('"mcp-name":"a"');
  expect(answer).toContain('"mcp-auth-subject":"alice"');
});

test('no token reaches the upstream in any form', async () => {
  await start(echo);
  await fetch(proxied.url, { headers: { authorization: 'Bearer alice', cookie: token, 'x-token': token } });
  expect(upstream.received()).toContain('GET /inner/mcp');
  expect(upstream.received()).not.toContain(token);
  expect(upstream.received().toLowerCase()).not.toContain('authorization');
});
