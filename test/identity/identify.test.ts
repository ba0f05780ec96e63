import { decodeJwt, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import type { AssertionKeys } from '../../operator/identity/assertion-keys.ts';
import { createIdentify } from '../../operator/identity/identify.ts';
import type { VerifierConfig } from '../../operator/policy/verifier-config.ts';
import type { Principal } from '../../operator/verify/verdict.ts';
import { createKeys, writeKey } from '../fixtures/assertion-keys.ts';
import { holdClock } from '../fixtures/held-clock.ts';

const now = 1_800_000_000;
const verifier = { mode: 'OIDC', clockSkewSeconds: 30 } as VerifierConfig;
const policy = { namespace: 'team-a', name: 'x', resource: 'https://own.example.com/p', verifier };
const alice: Principal = {
  issuer: 'https://idp.example.com',
  subject: 'alice',
  clientId: 'cli',
  audiences: ['a'],
  scopes: ['mcp:read', 'mcp:write'],
  expiresAt: now + 600,
};

interface Asked {
  readonly principal?: Partial<Principal>;
  readonly keys?: AssertionKeys;
  readonly publicURL?: string;
}

async function identify({ principal = {}, keys = { sessionKeys: [] }, publicURL }: Asked) {
  const identifyCaller = createIdentify({
    currentKeys: () => keys,
    currentPublicURL: () => publicURL,
    clock: holdClock(now * 1000 + 400),
    createId: () => 'id-1',
  });
  return new Map(await identifyCaller({ policy, principal: { ...alice, ...principal } }));
}

describe('headers', () => {
  test('say who calls and by which policy', async () => {
    expect(Object.fromEntries(await identify({}))).toEqual({
      'Mcp-Auth-Subject': 'alice',
      'Mcp-Auth-Issuer': 'https://idp.example.com',
      'Mcp-Auth-Client-Id': 'cli',
      'Mcp-Auth-Scopes': 'mcp:read mcp:write',
      'Mcp-Auth-Policy-Namespace': 'team-a',
      'Mcp-Auth-Policy-Name': 'x',
    });
  });

  test('what is not known or empty is left out', async () => {
    const { clientId: _, ...unknown } = alice;
    const headers = await createIdentify({
      currentKeys: () => ({ sessionKeys: [] }),
      currentPublicURL: () => undefined,
      clock: holdClock(0),
      createId: () => '',
    })({ policy, principal: { ...unknown, scopes: [] } });
    const names = headers.map(([name]) => name);
    expect(names).toHaveLength(4);
    expect(names).not.toContain('Mcp-Auth-Client-Id');
    expect(names).not.toContain('Mcp-Auth-Scopes');
  });

  test.each([
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['%61', '%2561'],
    ['a\r\nx: y\0', 'a%0D%0Ax:%20y%00'],
    ['Zoë 🙂', 'Zo%C3%AB%20%F0%9F%99%82'],
    ['system:serviceaccount:a:b', 'system:serviceaccount:a:b'],
    [' ~!"\x7f', '%20~!"%7F'],
  ])('%j is %j, and decodes to what it was', async (value, encoded) => {
    const principal = { subject: value, issuer: value, clientId: value };
    const headers = await identify({ principal });
    for (const name of ['Mcp-Auth-Subject', 'Mcp-Auth-Issuer', 'Mcp-Auth-Client-Id'])
      expect(headers.get(name)).toBe(encoded);
    expect(decodeURIComponent(encoded)).toBe(value);
  });

  test('a scope stays one scope', async () => {
    const scopes = ['a\tb', 'c,d', 'é'];
    const value = (await identify({ principal: { scopes } })).get('Mcp-Auth-Scopes') ?? '';
    expect(value).toBe('a%09b c,d %C3%A9');
    expect(value.split(' ').map(decodeURIComponent)).toEqual(scopes);
  });
});

describe('the assertion', () => {
  async function assertion(asked: Omit<Asked, 'keys'>, keys?: AssertionKeys): Promise<string> {
    const used = keys ?? (await createKeys({ 'current.pem': writeKey() }));
    return (await identify({ ...asked, keys: used })).get('Mcp-Auth-Assertion') ?? '';
  }

  test('has these claims and no others', async () => {
    const keys = await createKeys({ 'current.pem': writeKey(), 'next.pem': writeKey() });
    const token = await assertion({ publicURL: 'https://mcp.example.com' }, keys);
    expect(decodeProtectedHeader(token)).toEqual({
      alg: 'ES256',
      kid: keys.signing?.kid,
      typ: 'mcp-assertion+jwt',
    });
    expect(decodeJwt(token)).toEqual({
      iss: 'https://mcp.example.com',
      aud: 'mcpauth.dev/policies/team-a/x',
      sub: 'alice',
      subject_issuer: 'https://idp.example.com',
      client_id: 'cli',
      scope: 'mcp:read mcp:write',
      iat: now,
      exp: now + 60,
      jti: 'id-1',
    });
  });

  test.each(['P-256', 'Ed25519', 'RSA'] as const)(
    'of a %s key verifies with what is published',
    async (kind) => {
      const keys = await createKeys({ 'current.pem': writeKey(kind) });
      const key = await importJWK(keys.published?.keys[0] as JWK);
      const { payload } = await jwtVerify(await assertion({}, keys), key, {
        currentDate: new Date(now * 1000),
      });
      expect(payload.sub).toBe('alice');
    },
  );

  test('says what a claim is, not how a header writes it', async () => {
    expect(decodeJwt(await assertion({ principal: { subject: 'Zoë %' } })).sub).toBe('Zoë %');
  });

  test('is from the origin of the resource where there is no publicURL', async () => {
    expect(decodeJwt(await assertion({})).iss).toBe('https://own.example.com');
  });

  test.each([
    [now + 10.5, now + 40],
    [now - 20, now + 10],
    [now + 40, now + 60],
  ])(
    'of a token until %d ends at %d, when the gate would not let the token in any more',
    async (expiresAt, exp) => {
      expect(decodeJwt(await assertion({ principal: { expiresAt } })).exp).toBe(exp);
    },
  );
});
