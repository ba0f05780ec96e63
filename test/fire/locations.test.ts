import { expect } from 'vitest';
import { redirectTo } from '../fixtures/scripted-response.ts';
import { documents, fault, row } from './matrix.ts';
import { canaryURL, first, held, recoveryMs, refreshMs, type Scene, second, setOf } from './scene.ts';

const redirects: readonly (readonly [to: string, target: (scene: Scene) => string])[] = [
  ['where the rules would let us go', canaryURL],
  ['itself', ({ issuer }) => issuer.jwksURI],
  ['plain http', (scene) => canaryURL(scene).replace('https', 'http')],
  ['loopback', ({ canary }) => `https://127.0.0.1:${canary.port}/`],
  ['the metadata address', () => 'http://169.254.169.254/latest/meta-data/'],
];

for (const status of [301, 302, 303, 307, 308]) {
  documents('I5', `${status} to the canary`, 'HTTPError', (scene) => redirectTo(canaryURL(scene), status));
}
for (const [to, target] of redirects) {
  documents('I5', `302 to ${to}`, 'HTTPError', (scene) => redirectTo(target(scene)));
}

/** Metadata that is right but for where it says that the keys are. */
function keysAt(place: string, reason: string, target: (scene: Scene) => unknown): void {
  fault('I5', `metadata with its keys at ${place}`, {
    inject: (scene) =>
      scene.issuer.respond(scene.issuer.discoveryPath, {
        body: { ...scene.issuer.metadata, jwks_uri: target(scene) },
      }),
    reason,
  });
}

keysAt('a loopback address', 'AddressNotAllowed', ({ canary }) => `https://127.0.0.1:${canary.port}/`);
keysAt('localhost', 'AddressNotAllowed', ({ canary }) => `https://localhost:${canary.port}/`);
keysAt('the metadata address', 'AddressNotAllowed', () => 'https://169.254.169.254/latest/meta-data');
keysAt('plain http', 'InvalidDocument', (scene) => canaryURL(scene).replace('https', 'http'));
keysAt('a URL with a user', 'InvalidDocument', ({ canary }) => `https://x@127.0.0.1:${canary.port}/`);
keysAt('a file', 'InvalidDocument', () => 'file:///etc/passwd');
keysAt('no text', 'InvalidDocument', () => ({}));

const notTheIssuer: readonly (readonly [string, (issuer: string) => string])[] = [
  ['another issuer', () => 'https://evil.example.net'],
  ['a final slash', (issuer) => `${issuer}/`],
  ['upper case', (issuer) => issuer.replace('idp', 'IDP')],
];
for (const [what, change] of notTheIssuer) {
  fault('I11', `metadata that names ${what}`, {
    inject: ({ issuer }) =>
      issuer.respond(issuer.discoveryPath, { body: { ...issuer.metadata, issuer: change(issuer.issuer) } }),
    reason: 'IssuerMismatch',
  });
}

row(
  'I11',
  'keys that move are found at the next refresh, and what is left at the old place is dead',
  async (scene) => {
    const { issuer } = scene;
    issuer.respond('/moved', { body: setOf(second) });
    issuer.respond(issuer.discoveryPath, {
      body: { ...issuer.metadata, jwks_uri: issuer.jwksURI.replace(issuer.jwksPath, '/moved') },
    });
    await scene.pass(refreshMs);
    expect(await scene.callers(held, second)).toMatchObject({ good: 'admitted', bad: '401 key_not_found' });
    expect((await scene.callers(held, first)).good).not.toBe('admitted');
    const before = scene.fetchTimes().length;
    await scene.pass(refreshMs);
    expect(scene.fetchTimes()).toHaveLength(before);
  },
);

row(
  'I11',
  'keys that move and are gone from the old place: 503 until they are found, never 401',
  async (scene) => {
    const { issuer } = scene;
    await scene.pass(10_000);
    issuer.respond('/moved', { body: setOf(second) });
    issuer.respond(issuer.jwksPath, { status: 404 });
    issuer.respond(issuer.discoveryPath, {
      body: { ...issuer.metadata, jwks_uri: issuer.jwksURI.replace(issuer.jwksPath, '/moved') },
    });
    const token = scene.token(held, second);
    const { outcome, retryAfterSeconds = 0 } = await scene.ask(held, token);
    expect(outcome).toBe('503 keys_unavailable');
    expect(retryAfterSeconds).toBeLessThanOrEqual(recoveryMs / 1000);
    await scene.pass(retryAfterSeconds * 1000);
    expect((await scene.ask(held, token)).outcome).toBe('admitted');
  },
);
