import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateAuthority, createCertificateAuthority } from '../fixtures/certificates.ts';
import { type OpenIdProvider, startOpenIdProvider } from '../fixtures/openid-provider.ts';
import { startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { createTrustingFetch } from '../fixtures/trusting-fetch.ts';
import { callWhoAmI, clientCredentials, post } from './callers.ts';
import { type Deployment, namespace, operatorConfiguration, type SeenPolicy } from './deployment.ts';
import { eventually } from './eventually.ts';

/** The user's story, told to an operator whose policies come from a folder or from a cluster. */
export function describeScenario(start: (configuration: string) => Promise<Deployment>): void {
  let ca: CertificateAuthority;
  let provider: OpenIdProvider;
  let deployment: Deployment;
  const resourceOf = (name: string): string => `${deployment.publicURL}/${namespace}/${name}/mcp`;
  const specFor = (issuer: string, audience: string) => ({
    issuer,
    audience,
    mode: 'OIDC',
    caBundleRef: { name: 'issuer-ca', key: 'ca.crt' },
  });

  async function untilSeen(
    name: string,
    isGood: (policy: SeenPolicy) => boolean,
  ): Promise<SeenPolicy | undefined> {
    return await eventually(
      `policy ${name}`,
      () => deployment.see(name),
      (policy) =>
        policy?.status?.observedGeneration === policy?.generation && policy !== undefined && isGood(policy),
    );
  }

  beforeAll(async () => {
    ca = await createCertificateAuthority();
    provider = await startOpenIdProvider({ ca, path: '/realms/team-a' });
    deployment = await start(operatorConfiguration([Number(new URL(provider.issuer).port), 9]));
    await deployment.applyConfigMap('issuer-ca', { 'ca.crt': ca.certificatePem });
    await deployment.apply({ name: 'tools', spec: specFor(provider.issuer, resourceOf('tools')) });
    await untilSeen('tools', isReady);
  });

  afterAll(async () => {
    await provider?.stop();
    expect(await deployment?.stop()).toBe(0);
  });

  describe('a good token', () => {
    test.each(['modern', 'legacy'] as const)(
      'lets a %s client that finds its own way call whoami',
      async (era) => {
        const fetch = createTrustingFetch(ca.certificatePem);
        const seen = await callWhoAmI(resourceOf('tools'), clientCredentials(provider), { fetch, era });
        expect(seen).toMatchObject({
          principal: { issuer: provider.issuer, subject: 'demo', audiences: [resourceOf('tools')] },
          policy: { namespace, name: 'tools' },
        });
      },
    );

    test('never reaches the server behind the gate, nor the log', async () => {
      const token = await provider.token({ resource: resourceOf('tools') });
      const answer = await (await post(resourceOf('tools'), token)).text();
      expect(answer).toContain('principal');
      for (const part of token.split('.')) {
        expect(answer).not.toContain(part);
        expect(deployment.log()).not.toContain(part);
      }
    });
  });

  describe('a bad token', () => {
    test('none: a challenge that leads to metadata which agrees', async () => {
      const refused = await post(resourceOf('tools'));
      expect(refused.status).toBe(401);
      const challenge = refused.headers.get('www-authenticate') ?? '';
      expect(challenge).toMatch(/^Bearer /);
      expect(challenge).not.toContain('error=');
      const [, metadataURL = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
      const metadata = await (await fetch(metadataURL)).json();
      expect(metadata).toMatchObject({
        resource: resourceOf('tools'),
        authorization_servers: [provider.issuer],
      });
    });

    test('for another audience', async () => {
      const token = await provider.token({ resource: 'https://elsewhere.example.com/mcp' });
      await expectInvalid(await post(resourceOf('tools'), token), 'another audience');
    });

    test('expired', async () => {
      const signer = await createSigner('ES256');
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: provider.issuer,
        aud: resourceOf('tools'),
        sub: 'x',
        iat: now - 900,
        exp: now - 600,
      };
      await expectInvalid(await post(resourceOf('tools'), signer.sign({}, claims)), 'expired');
    });

    test('of another issuer that the same authority certifies', async () => {
      const signer = await createSigner('ES256');
      const other = await startScriptableIssuer({ ca, keys: { keys: [signer.publicJwk] } });
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: other.issuer, aud: resourceOf('tools'), sub: 'x', iat: now, exp: now + 300 };
      await expectInvalid(await post(resourceOf('tools'), signer.sign({}, claims)), 'another issuer');
      const claimed = { ...claims, iss: provider.issuer };
      await expectInvalid(await post(resourceOf('tools'), signer.sign({}, claimed)), 'no key');
      await other.stop();
    });

    test('a good one of another policy of the same issuer', async () => {
      await deployment.apply({ name: 'others', spec: specFor(provider.issuer, resourceOf('others')) });
      await untilSeen('others', isReady);
      const token = await provider.token({ resource: resourceOf('others') });
      expect((await post(resourceOf('others'), token)).status).toBe(200);
      await expectInvalid(await post(resourceOf('tools'), token), 'another audience');
    });
  });

  test('the status says what is enforced and why it may be trusted', async () => {
    const policy = await untilSeen('tools', isReady);
    expect(policy?.status).toMatchObject({
      resource: resourceOf('tools'),
      resourceMetadataURL: `${deployment.publicURL}/.well-known/oauth-protected-resource/${namespace}/tools/mcp`,
      issuer: { jwksURI: provider.jwksURI, keys: 2 },
      verification: { checks: 13, failed: [] },
    });
    expect(reasonsOf(policy)).toEqual({
      Accepted: 'Accepted',
      ResolvedRefs: 'Resolved',
      Programmed: 'Enforced',
      IssuerReady: 'KeysLoaded',
      Verified: 'Passed',
      Ready: 'Ready',
    });
  });

  test('the status says when callers first got in', async () => {
    const token = await provider.token({ resource: resourceOf('tools') });
    expect((await post(resourceOf('tools'), token)).status).toBe(200);
    await untilSeen('tools', ({ status }) => status?.verification?.firstAcceptedTime !== undefined);
  });

  test('an edited audience holds for the next request once the status says so', async () => {
    const first = resourceOf('edited');
    await deployment.apply({ name: 'edited', spec: specFor(provider.issuer, first) });
    await untilSeen('edited', isReady);
    const oldToken = await provider.token({ resource: first });
    expect((await post(first, oldToken)).status).toBe(200);
    await deployment.apply({ name: 'edited', spec: specFor(provider.issuer, 'https://new.example.com/mcp') });
    await untilSeen('edited', (policy) => policy.generation === 2 && isReady(policy));
    expect((await post(first, oldToken)).status).toBe(401);
    const newToken = await provider.token({ resource: 'https://new.example.com/mcp' });
    expect((await post(first, newToken)).status).toBe(200);
  });

  test('a deleted policy denies', async () => {
    await deployment.apply({ name: 'deleted', spec: specFor(provider.issuer, resourceOf('deleted')) });
    await untilSeen('deleted', isReady);
    const token = await provider.token({ resource: resourceOf('deleted') });
    expect((await post(resourceOf('deleted'), token)).status).toBe(200);
    await deployment.remove('deleted');
    const denied = await eventually(
      'a denial',
      () => post(resourceOf('deleted'), token),
      ({ status }) => status !== 200,
    );
    expect(denied.status).toBe(404);
  });

  test('an MCP server that is not there is said and denied', async () => {
    const upstream = { service: { name: 'none', port: 80 } };
    const spec = { ...specFor(provider.issuer, resourceOf('front')), upstream };
    await deployment.apply({ name: 'front', spec });
    const policy = await untilSeen('front', () => true);
    expect(reasonsOf(policy)).toMatchObject({
      Accepted: 'Accepted',
      ResolvedRefs: 'RefNotFound',
      Ready: 'RefNotFound',
    });
    const token = await provider.token({ resource: resourceOf('front') });
    expect((await post(resourceOf('front'), token)).status).toBe(503);
  });

  test('mode Offline takes the keys of a ConfigMap, and nothing else', async () => {
    const signer = await createSigner('ES256');
    await deployment.applyConfigMap('keys', { 'jwks.json': JSON.stringify({ keys: [signer.publicJwk] }) });
    const issuer = 'https://never-reached.example.com';
    const jwks = { configMapRef: { name: 'keys', key: 'jwks.json' } };
    const audience = resourceOf('offline');
    await deployment.apply({ name: 'offline', spec: { issuer, audience, mode: 'Offline', jwks } });
    await untilSeen('offline', isReady);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: audience, sub: 'x', iat: now, exp: now + 300 };
    expect((await post(audience, signer.sign({}, claims))).status).toBe(200);
    const stranger = await createSigner('ES256', { kid: signer.kid });
    expect((await post(audience, stranger.sign({}, claims))).status).toBe(401);
  });

  test('a ConfigMap that appears heals the policy that names it, and its loss denies', async () => {
    const spec = {
      ...specFor(provider.issuer, resourceOf('refs')),
      caBundleRef: { name: 'late', key: 'ca.crt' },
    };
    await deployment.apply({ name: 'refs', spec });
    await untilSeen('refs', (policy) => reasonsOf(policy).ResolvedRefs === 'RefNotFound');
    const token = await provider.token({ resource: resourceOf('refs') });
    expect((await post(resourceOf('refs'), token)).status).toBe(503);
    await deployment.applyConfigMap('late', { 'ca.crt': ca.certificatePem });
    await untilSeen('refs', isReady);
    expect((await post(resourceOf('refs'), token)).status).toBe(200);
  });

  test('an address that the administrator does not allow is never connected to', async () => {
    const signer = await createSigner('ES256');
    const hidden = await startScriptableIssuer({ ca, keys: { keys: [signer.publicJwk] } });
    await deployment.apply({ name: 'hidden', spec: specFor(hidden.issuer, resourceOf('hidden')) });
    await untilSeen('hidden', (policy) => reasonsOf(policy).IssuerReady === 'AddressNotAllowed');
    expect(hidden.requests).toEqual([]);
    await hidden.stop();
  });

  describe('while the issuer is away', () => {
    test('held keys still verify, and a source that never had any says 503 until it has', async () => {
      const token = await provider.token({ resource: resourceOf('tools') });
      const early = await provider.token({ resource: resourceOf('early') });
      await provider.stop();
      expect((await post(resourceOf('tools'), token)).status).toBe(200);

      // Another location is another source: it has never seen the keys.
      const discoveryURL = `${provider.issuer}/.well-known/openid-configuration`;
      await deployment.apply({
        name: 'early',
        spec: { ...specFor(provider.issuer, resourceOf('early')), discoveryURL },
      });
      await untilSeen('early', (policy) => reasonsOf(policy).IssuerReady === 'HTTPError');
      const undecided = await post(resourceOf('early'), early);
      expect(undecided.status).toBe(503);
      expect(Number(undecided.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(undecided.headers.get('www-authenticate')).toBeNull();

      await provider.restart();
      await untilSeen('early', isReady);
      expect((await post(resourceOf('early'), early)).status).toBe(200);
    });
  });
}

export function isReady({ status }: SeenPolicy): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

export function reasonsOf(policy: SeenPolicy | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries((policy?.status?.conditions ?? []).map(({ type, reason }) => [type, reason]));
}

async function expectInvalid(response: Response, description: string): Promise<void> {
  expect(response.status).toBe(401);
  const challenge = response.headers.get('www-authenticate') ?? '';
  expect(challenge).toContain('error="invalid_token"');
  expect(challenge).toContain('resource_metadata="');
  expect(challenge).toContain(description);
  await response.body?.cancel();
}
