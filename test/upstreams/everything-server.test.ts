import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Connect, legacyClients } from './clients.ts';
import { type ProtectedServer, protect } from './protected.ts';
import { type RealServer, startEverythingServer } from './servers.ts';

describe.each(legacyClients)('the "everything" server, called by %s', (_, connect: Connect) => {
  let server: RealServer;
  let protectedServer: ProtectedServer;

  beforeAll(async () => {
    server = await startEverythingServer();
    protectedServer = await protect(server.address, [{ names: ['get-env'], scopes: ['env:read'] }]);
  });

  afterAll(async () => {
    await protectedServer?.stop();
    await server?.stop();
  });

  test('answers; the tool of a rule is neither seen nor called', async () => {
    const { resource, token } = protectedServer;
    const client = await connect(resource, token());
    const tools = await client.listTools();
    expect(tools).toContain('echo');
    expect(tools).not.toContain('get-env');
    expect(await client.callTool('echo', { message: 'hello' })).toContain('hello');
    await expect(client.callTool('get-env')).rejects.toThrow(/scope|403/i);
    await client.close();
  });

  test('answers a caller who has the scope with the tool of the rule', async () => {
    const client = await connect(protectedServer.resource, protectedServer.token({ scope: 'env:read' }));
    expect(await client.listTools()).toContain('get-env');
    expect(await client.callTool('get-env')).toContain('PATH');
    await client.close();
  });

  test('tells its progress while it works', async () => {
    const client = await connect(protectedServer.resource, protectedServer.token());
    let progress = 0;
    const args = { duration: 1, steps: 3 };
    const text = await client.callTool('trigger-long-running-operation', args, () => {
      progress += 1;
    });
    expect(text).toContain('completed');
    expect(progress).toBeGreaterThan(0);
    await client.close();
  });

  test('a session belongs to the caller who opened it', async () => {
    const { resource, token } = protectedServer;
    const client = await connect(resource, token());
    const sessionId = client.sessionId() ?? '';
    const list = async (subject: string): Promise<number> => {
      const response = await fetch(resource, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          authorization: `Bearer ${token({ sub: subject })}`,
          'mcp-session-id': sessionId,
          'mcp-protocol-version': '2025-11-25',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/list' }),
      });
      await response.body?.cancel();
      return response.status;
    };
    expect(await list('alice')).toBe(200);
    expect(await list('mallory')).toBe(404);
    await client.close();
    expect(await list('alice')).toBeGreaterThanOrEqual(400);
  });
});
