import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAdminEndpoint } from '../../operator/http/admin-endpoint.ts';
import { type Listener, listen } from '../../operator/http/listener.ts';

let listener: Listener;
let ready = false;

beforeAll(async () => {
  const endpoint = createAdminEndpoint({
    isReady: () => ready,
    renderMetrics: async () => 'some_metric 1\n',
    listPolicies: () => [{ kind: 'McpAuthPolicy' }],
  });
  listener = await listen(endpoint, { host: '127.0.0.1', port: 0 });
});

afterAll(() => listener.drain(0));

/** Not fetch: that would not let the Host be chosen. */
function get(
  path: string,
  { host = 'localhost', method = 'GET' } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { port } = listener.address;
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}

test('alive from the start, ready when it is said', async () => {
  expect(await get('/healthz')).toEqual({ status: 200, body: 'ok\n' });
  expect((await get('/readyz')).status).toBe(503);
  ready = true;
  expect((await get('/readyz')).status).toBe(200);
});

test('kubelet and Prometheus come with any Host', async () => {
  expect((await get('/readyz', { host: '10.1.2.3:9090' })).status).toBe(200);
  expect(await get('/metrics', { host: 'pod.svc' })).toEqual({ status: 200, body: 'some_metric 1\n' });
});

test.each([
  ['localhost', 200],
  ['localhost:9090', 200],
  ['127.0.0.1:9090', 200],
  ['[::1]:9090', 200],
  ['evil.example.com', 403],
  ['localhost.evil.example.com', 403],
  ['10.1.2.3:9090', 403],
])('policies to a loopback peer with Host %s → %i', async (host, status) => {
  const { status: is, body } = await get('/policies', { host });
  expect(is).toBe(status);
  expect(body.includes('McpAuthPolicy')).toBe(status === 200);
});

test('nothing else is there, and nothing is changed by it', async () => {
  expect((await get('/')).status).toBe(404);
  expect((await get('/policies', { method: 'DELETE' })).status).toBe(405);
});
