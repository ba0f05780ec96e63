import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAssertionVerifier } from '../fixtures/assertion-verifier.ts';
import { allClients, type Connect } from './clients.ts';
import { type ProtectedServer, protect } from './protected.ts';
import { providePython } from './python.ts';
import { type RealServer, startPythonServer } from './servers.ts';

const python = await providePython();

if ('missing' in python) {
  if (process.env.CI) test('there is a Python to run a server with', () => expect.fail(python.missing));
  else console.warn(`skipped: a Python server: ${python.missing}`);
}

describe.skipIf('missing' in python)('a server of the Python SDK', () => {
  let server: RealServer;
  let protectedServer: ProtectedServer;

  beforeAll(async () => {
    server = await startPythonServer('program' in python ? python.program : '');
    protectedServer = await protect(server.address, [{ names: ['secret'], scopes: ['secret:read'] }]);
  });

  afterAll(async () => {
    await protectedServer?.stop();
    await server?.stop();
  });

  describe.each(allClients)('called by %s', (_, connect: Connect) => {
    test('answers; the tool of a rule is neither seen nor called', async () => {
      const client = await connect(protectedServer.resource, protectedServer.token());
      expect(await client.listTools()).toEqual(['add', 'count', 'heard']);
      expect(await client.callTool('add', { a: 2, b: 3 })).toBe('5');
      await expect(client.callTool('secret')).rejects.toThrow(/scope|403/i);
      await client.close();
    });

    test('answers a caller who has the scope with the tool of the rule', async () => {
      const token = protectedServer.token({ scope: 'other secret:read' });
      const client = await connect(protectedServer.resource, token);
      expect(await client.listTools()).toContain('secret');
      expect(await client.callTool('secret')).toBe('the secret');
      await client.close();
    });

    test('tells its progress while it works', async () => {
      const client = await connect(protectedServer.resource, protectedServer.token());
      let progress = 0;
      const text = await client.callTool('count', { to: 5 }, () => {
        progress += 1;
      });
      expect(text).toBe('counted to 5');
      expect(progress).toBeGreaterThan(0);
      await client.close();
    });

    test('hears who calls, and no token', async () => {
      const token = protectedServer.token({ scope: 'a b' });
      const client = await connect(protectedServer.resource, token);
      const heard = await client.callTool('heard');
      expect(JSON.parse(heard)).toMatchObject({
        'mcp-auth-subject': 'alice',
        'mcp-auth-issuer': 'https://idp.example.com',
        'mcp-auth-scopes': 'a b',
        'mcp-auth-policy-namespace': 'team-a',
        'mcp-auth-policy-name': 'x',
        host: server.address,
      });
      for (const part of token.split('.')) expect(heard).not.toContain(part);
      const verify = createAssertionVerifier({
        keysURL: `${protectedServer.publicURL}/.well-known/mcp-assertion-keys`,
        publicURL: protectedServer.publicURL,
        policy: 'team-a/x',
      });
      expect(await verify(JSON.parse(heard))).toMatchObject({ sub: 'alice', scope: 'a b' });
      await client.close();
    });
  });
});
