import { describe, expect, test } from 'vitest';
import { createGate } from '../../../operator/http/gate/gate.ts';
import { compile } from '../../../operator/policy/compile.ts';
import { noCluster } from '../../../operator/policy/inputs.ts';
import { decodeConfiguration } from '../../../operator/policy/operator-configuration.ts';
import type { Snapshot } from '../../../operator/policy/snapshot.ts';
import type { Verdict } from '../../../operator/verify/verdict.ts';

function compileSnapshot(configuration: object, specs: Readonly<Record<string, object>>): Snapshot {
  const decoded = decodeConfiguration({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'OperatorConfiguration',
    ...configuration,
  });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const policies = Object.entries(specs).map(([key, spec]) => {
    const [namespace = '', name = ''] = key.split('/');
    const base = { issuer: 'https://idp.example.com', audience: 'a', mode: 'OIDC' };
    return {
      object: {
        apiVersion: 'mcpauth.dev/v1alpha1',
        kind: 'McpAuthPolicy',
        metadata: { namespace, name },
        spec: { ...base, ...spec },
      },
    };
  });
  return compile({
    policies,
    configMaps: new Map(),
    services: new Map(),
    serviceAddresses: 'unused',
    configuration: decoded.value,
    cluster: noCluster,
  }).snapshot;
}

const snapshot = compileSnapshot(
  {
    publicURL: 'https://mcp.example.com',
    additionalHosts: ['mcp.svc', 'localhost:8080'],
    allowedOrigins: ['https://app.example.com'],
    resourceHosts: [{ namespaces: ['team-b'], hosts: ['own.example.com'] }],
  },
  {
    'team-a/x': { requiredScopes: ['mcp:read', 'mcp:write'] },
    'team-a/plain': {},
    'team-a/denies': { mode: 'TokenReview' },
    'team-b/root': { resource: 'https://own.example.com' },
    'team-b/path': { resource: 'https://own.example.com/p' },
  },
);

const admitted: Verdict = {
  kind: 'admitted',
  principal: { issuer: 'i', subject: 's', audiences: ['a'], scopes: [], expiresAt: 1 },
};

interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: readonly string[];
  readonly verdict?: Verdict;
}

async function ask({
  path = '/team-a/x/mcp',
  method = 'POST',
  host = 'mcp.example.com',
  headers = [],
  verdict = admitted,
}: Ask) {
  const asked: string[] = [];
  const gate = createGate(async (token) => {
    asked.push(token);
    return verdict;
  });
  const decision = await gate({ method, target: path, rawHeaders: ['Host', host, ...headers] }, snapshot);
  const answer = decision.kind === 'answer' ? decision.answer : undefined;
  return { decision, answer, asked, status: answer?.status ?? 200 };
}

const bearer = ['Authorization', 'Bearer good'];

describe('the way to a policy', () => {
  test.each([
    ['mcp.example.com', 200],
    ['MCP.example.com', 200],
    ['mcp.example.com:443', 200],
    ['mcp.svc', 200],
    ['mcp.svc:8080', 200],
    ['localhost:8080', 200],
    ['localhost', 421],
    ['localhost:8081', 421],
    ['mcp.example.com:8443', 421],
    ['evil.example.com', 421],
    ['mcp.example.com.evil.example.com', 421],
    ['mcp.example.com@evil.example.com', 421],
    ['mcp.example.com.', 421],
    ['own.example.com', 404],
    ['', 421],
    ['[::1]', 421],
  ])('Host %s → %i', async (host, status) => {
    expect((await ask({ host, headers: bearer })).status).toBe(status);
  });

  test.each([
    ['/team-a/x/mcp', 200],
    ['/team-a/x/mcp?session=1', 200],
    ['/team-a/x/mcp/', 404],
    ['//team-a/x/mcp', 404],
    ['/team-a/./x/mcp', 404],
    ['/team-a/%78/mcp', 404],
    ['/team-a/X/mcp', 404],
    ['/team-b/root/mcp', 404],
    ['/', 404],
    ['/healthz', 404],
    ['/policies', 404],
    ['/forward-auth/team-a/x', 404],
    ['/.well-known/oauth-protected-resource', 404],
    ['/.well-known/oauth-protected-resource/', 404],
    ['/.well-known/oauth-authorization-server', 404],
    ['https://mcp.example.com/team-a/x/mcp', 400],
    ['*', 400],
    ['', 400],
  ])('target %s → %i', async (path, status) => {
    expect((await ask({ path, headers: bearer })).status).toBe(status);
  });

  test('a namespace with a host of its own is found there and nowhere else', async () => {
    const host = 'own.example.com';
    expect((await ask({ host, path: '/', headers: bearer })).status).toBe(200);
    expect((await ask({ host, path: '/p', headers: bearer })).status).toBe(200);
    expect((await ask({ host, path: '/team-a/x/mcp', headers: bearer })).status).toBe(404);
    expect((await ask({ path: '/p', headers: bearer })).status).toBe(404);
  });

  test.each([['xchunked'], ['gzip, chunked'], ['identity']])(
    'the transfer coding %s is refused',
    async (coding) => {
      expect((await ask({ headers: ['Transfer-Encoding', coding, ...bearer] })).status).toBe(400);
    },
  );

  test('two Host headers are refused', async () => {
    expect((await ask({ headers: ['host', 'evil.example.com', ...bearer] })).status).toBe(400);
  });
});

describe('challenges', () => {
  const metadataURL = 'https://mcp.example.com/.well-known/oauth-protected-resource/team-a/x/mcp';

  test('no credentials: 401 without error code', async () => {
    const { status, answer, asked } = await ask({});
    expect(status).toBe(401);
    expect(answer?.headers['www-authenticate']).toBe(
      `Bearer resource_metadata="${metadataURL}", scope="mcp:read mcp:write"`,
    );
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { message: 'Send a bearer token.' },
    });
    expect(asked).toEqual([]);
  });

  test('a bad token: 401 invalid_token, description last', async () => {
    const { status, answer } = await ask({
      headers: bearer,
      verdict: { kind: 'denied', reason: 'token_expired' },
    });
    expect(status).toBe(401);
    expect(answer?.headers['www-authenticate']).toBe(
      `Bearer error="invalid_token", resource_metadata="${metadataURL}", scope="mcp:read mcp:write", error_description="the token has expired"`,
    );
  });

  test('a good token short of scope: 403 insufficient_scope with all scopes', async () => {
    const { status, answer } = await ask({
      headers: bearer,
      verdict: { kind: 'denied', reason: 'scope_insufficient' },
    });
    expect(status).toBe(403);
    expect(answer?.headers['www-authenticate']).toMatch(
      /^Bearer error="insufficient_scope", .*scope="mcp:read mcp:write"/,
    );
  });

  test('a policy without scopes names none', async () => {
    const { answer } = await ask({ path: '/team-a/plain/mcp' });
    expect(answer?.headers['www-authenticate']).not.toContain('scope=');
  });

  test('undecidable: 503 with Retry-After and no challenge', async () => {
    const { status, answer } = await ask({
      headers: bearer,
      verdict: { kind: 'unavailable', retryAfterSeconds: 6.2 },
    });
    expect(status).toBe(503);
    expect(answer?.headers['retry-after']).toBe('7');
    expect(answer?.headers['www-authenticate']).toBeUndefined();
  });

  test('a policy that denies: 503 with any token and with none', async () => {
    for (const headers of [[], bearer]) {
      const { status, answer, asked } = await ask({ path: '/team-a/denies/mcp', headers });
      expect(status).toBe(503);
      expect(answer?.headers['retry-after']).toBe('30');
      expect(asked).toEqual([]);
    }
  });

  test.each([
    ['two headers', [...bearer, 'authorization', 'Bearer other'], 400],
    ['two values', ['Authorization', 'Bearer a, Bearer b'], 400],
    ['empty', ['Authorization', 'Bearer '], 400],
    ['another scheme', ['Authorization', 'Basic eDp5'], 401],
    [
      'token in a form too',
      [...bearer, 'Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
      400,
    ],
  ])('%s → %i', async (_, headers, status) => {
    const result = await ask({ headers: headers as string[] });
    expect(result.status).toBe(status);
    expect(result.asked).toEqual([]);
    if (status === 400)
      expect(result.answer?.headers['www-authenticate']).toContain('error="invalid_request"');
  });

  test('a token in the query is no token, and beside a header an error', async () => {
    expect((await ask({ path: '/team-a/x/mcp?access_token=good' })).status).toBe(401);
    expect((await ask({ path: '/team-a/x/mcp?x=1&access%5Ftoken=good', headers: bearer })).status).toBe(400);
  });
});

describe('browsers', () => {
  test.each([
    [undefined, 200],
    ['https://app.example.com', 200],
    ['http://app.example.com', 403],
    ['https://app.example.com:8443', 403],
    ['https://mcp.example.com', 403],
    ['null', 403],
    ['', 403],
  ])('Origin %s → %i', async (origin, status) => {
    const headers = origin === undefined ? bearer : [...bearer, 'Origin', origin];
    expect((await ask({ headers })).status).toBe(status);
  });

  test('a challenge is readable by an allowed page', async () => {
    const { answer } = await ask({ headers: ['Origin', 'https://app.example.com'] });
    expect(answer?.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      vary: 'Origin',
    });
    expect(answer?.headers['access-control-expose-headers']).toContain('WWW-Authenticate');
  });

  test('a preflight needs no token; without an allowed origin it is a request like any other', async () => {
    const preflight = ['Access-Control-Request-Method', 'POST'];
    const from = (origin: string) => ask({ method: 'OPTIONS', headers: ['Origin', origin, ...preflight] });
    expect((await from('https://app.example.com')).status).toBe(204);
    expect((await from('https://evil.example.com')).status).toBe(403);
    expect((await ask({ method: 'OPTIONS', headers: preflight })).status).toBe(401);
  });
});

describe('protected resource metadata', () => {
  const path = '/.well-known/oauth-protected-resource/team-a/x/mcp';

  test('comes from configuration, whatever the request says', async () => {
    const { status, answer } = await ask({
      method: 'GET',
      path,
      host: 'mcp.svc:8080',
      headers: ['X-Forwarded-Host', 'evil.example.com', 'Origin', 'https://evil.example.com'],
    });
    expect(status).toBe(200);
    expect(answer?.headers).toMatchObject({
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
    });
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      resource: 'https://mcp.example.com/team-a/x/mcp',
      authorization_servers: ['https://idp.example.com'],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
    });
  });

  test('is served for a policy that denies, and under the root form for a resource without a path', async () => {
    expect((await ask({ method: 'GET', path: path.replace('/x/', '/denies/') })).status).toBe(200);
    const root = await ask({
      method: 'GET',
      path: '/.well-known/oauth-protected-resource',
      host: 'own.example.com',
    });
    expect(JSON.parse(root.answer?.body ?? '')).toMatchObject({ resource: 'https://own.example.com' });
  });

  test('has one spelling', async () => {
    const path = '/.well-known/oauth-protected-resource/';
    expect((await ask({ method: 'GET', path, host: 'own.example.com' })).status).toBe(404);
  });

  test.each([
    ['HEAD', 200],
    ['OPTIONS', 204],
    ['POST', 405],
    ['DELETE', 405],
  ])('%s → %i', async (method, status) => {
    expect((await ask({ method, path })).status).toBe(status);
  });

  test('the host must be ours here too', async () => {
    expect((await ask({ method: 'GET', path, host: 'evil.example.com' })).status).toBe(421);
  });
});
