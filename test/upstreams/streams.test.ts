import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../e2e/eventually.ts';
import { type ProtectedServer, protect } from './protected.ts';
import { type RealServer, startEverythingServer } from './servers.ts';

let server: RealServer;
let protectedServer: ProtectedServer;

beforeEach(async () => {
  server = await startEverythingServer();
  protectedServer = await protect(server.address, []);
});

afterEach(async () => {
  await protectedServer?.stop();
  await server?.stop();
});

function send(token: string, init: RequestInit, session: Record<string, string> = {}): Promise<Response> {
  return fetch(protectedServer.resource, {
    ...init,
    headers: {
      ...session,
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-11-25',
    },
  });
}

/** Opens a session and its standing stream (GET), in which the server has nothing to say; resolves when it has ended. */
async function openStream(token: string): Promise<{ readonly ended: Promise<string> }> {
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
  const opened = await send(token, { method: 'POST', body });
  await opened.body?.cancel();
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  const stream = await send(token, { method: 'GET' }, session);
  expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  return { ended: stream.text().catch(() => 'cut') };
}

test('a stream ends with the token that opened it', async () => {
  const now = Math.floor(Date.now() / 1000);
  const { ended } = await openStream(protectedServer.token({ exp: now + 8 }));
  expect(await ended).toBe('cut');
  expect(Date.now() / 1000).toBeGreaterThanOrEqual(now + 8);
});

test('a stream ends when its policy is deleted, and nothing is left of it', async () => {
  const { ended } = await openStream(protectedServer.token());
  protectedServer.deletePolicy();
  expect(await ended).toBe('cut');
  expect((await send(protectedServer.token(), { method: 'GET' })).status).toBe(404);
  await eventually(
    'the line of the stream',
    async () => protectedServer.log(),
    (log) => /reason=admitted .*method=GET .*cut=true/.test(log),
  );
});
