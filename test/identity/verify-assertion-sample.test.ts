import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answerAssertionKeys, assertionKeysPath } from '../../operator/http/gate/assertion-keys.ts';
import type { AssertionKeys } from '../../operator/identity/assertion-keys.ts';
import { createIdentify } from '../../operator/identity/identify.ts';
import { createKeys, writeKey } from '../fixtures/assertion-keys.ts';
import { createAssertionVerifier, sampleFile } from '../fixtures/assertion-verifier.ts';
import { holdClock } from '../fixtures/held-clock.ts';
import { createSigner } from '../fixtures/token-forge.ts';

type Verify = ReturnType<typeof createAssertionVerifier>;

const docs = join(import.meta.dirname, '../../docs');
const publicURL = 'https://mcp.example.com';
let keys: AssertionKeys;
let stop: () => void;
let verify: Verify;

beforeEach(async () => {
  keys = await createKeys({ 'current.pem': writeKey(), 'next.pem': writeKey('Ed25519') });
  const server = createServer((request, response) => {
    const { status, headers, body } = answerAssertionKeys(request.method ?? '', keys.published);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const keysURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}${assertionKeysPath}`;
  verify = createAssertionVerifier({ keysURL, publicURL, policy: 'team-a/x' });
  stop = () => server.close();
});

afterEach(() => stop());

interface Change {
  readonly name?: string;
  readonly publicURL?: string;
  readonly atMs?: number;
  readonly keys?: AssertionKeys;
}

/** What an upstream receives, names in lower case as Node gives them. */
async function headersFor({ name = 'x', atMs = Date.now(), ...change }: Change = {}) {
  const identify = createIdentify({
    currentKeys: () => change.keys ?? keys,
    currentPublicURL: () => change.publicURL ?? publicURL,
    clock: holdClock(atMs),
    createId: () => 'id',
  });
  const fields = await identify({
    policy: {
      namespace: 'team-a',
      name,
      resource: `${publicURL}/team-a/${name}/mcp`,
      verifier: { mode: 'deny' },
    },
    principal: {
      issuer: 'https://idp.example.com',
      subject: 'alice',
      audiences: ['a'],
      scopes: ['mcp:read'],
      expiresAt: atMs / 1000 + 600,
    },
  });
  return Object.fromEntries(fields.map(([field, value]) => [field.toLowerCase(), value]));
}

test('the page shows the sample as it is', () => {
  const page = readFileSync(join(docs, 'upstream-identity.md'), 'utf8');
  expect(page).toContain(`\`\`\`js\n${readFileSync(sampleFile, 'utf8')}\`\`\`\n`);
});

test('the sample gives the claims of a good assertion', async () => {
  expect(await verify(await headersFor())).toMatchObject({
    sub: 'alice',
    subject_issuer: 'https://idp.example.com',
    scope: 'mcp:read',
  });
});

test('through a rotation it verifies what either key has signed', async () => {
  const [current, next] = [writeKey(), writeKey('RSA')];
  keys = await createKeys({ 'current.pem': current, 'next.pem': next });
  const before = await headersFor();
  expect(await verify(before)).toMatchObject({ sub: 'alice' });
  keys = await createKeys({ 'current.pem': next, 'previous.pem': current });
  const after = await headersFor();
  expect(after['mcp-auth-assertion']).not.toBe(before['mcp-auth-assertion']);
  expect(await verify(after)).toMatchObject({ sub: 'alice' });
  expect(await verify(before)).toMatchObject({ sub: 'alice' });
});

describe('it refuses', () => {
  test.each<[string, () => Change | Promise<Change>, string]>([
    ['an assertion for another policy', () => ({ name: 'y' }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['one of another operator', () => ({ publicURL: 'https://x' }), 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['an expired one', () => ({ atMs: Date.now() - 70_000 }), 'ERR_JWT_EXPIRED'],
    [
      'one that is signed with a key that is not published',
      async () => ({ keys: await createKeys({ 'current.pem': writeKey() }) }),
      'ERR_JWKS_NO_MATCHING_KEY',
    ],
    ['none, because there are no keys', () => ({ keys: { sessionKeys: [] } }), 'ERR_JWS_INVALID'],
  ])('%s', async (_, change, code) => {
    await expect(verify(await headersFor(await change()))).rejects.toMatchObject({ code });
  });

  test.each(['at+jwt', 'JWT', undefined])(
    'a token of type %s, also when one of the keys has signed it',
    async (typ) => {
      const signer = await createSigner('ES256');
      keys = { ...keys, published: { keys: [signer.publicJwk] } };
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: publicURL,
        aud: 'mcpauth.dev/policies/team-a/x',
        sub: 'alice',
        iat: now,
        exp: now + 60,
      };
      const good = signer.sign({ typ: 'mcp-assertion+jwt' }, claims);
      expect(await verify({ 'mcp-auth-assertion': good })).toMatchObject({ sub: 'alice' });
      await expect(verify({ 'mcp-auth-assertion': signer.sign({ typ }, claims) })).rejects.toMatchObject({
        code: 'ERR_JWT_CLAIM_VALIDATION_FAILED',
      });
    },
  );

  test("the caller's access token", async () => {
    const issuer = await createSigner('ES256');
    const claims = { iss: 'https://idp.example.com', aud: 'a', sub: 'alice', exp: Date.now() / 1000 + 60 };
    const accessToken = issuer.sign({ typ: 'at+jwt' }, claims);
    await expect(verify({ 'mcp-auth-assertion': accessToken })).rejects.toMatchObject({
      code: 'ERR_JWKS_NO_MATCHING_KEY',
    });
  });

  test('headers without an assertion, however much they say', async () => {
    const { 'mcp-auth-assertion': _, ...rest } = await headersFor();
    await expect(verify(rest)).rejects.toMatchObject({ code: 'ERR_JWS_INVALID' });
  });
});
