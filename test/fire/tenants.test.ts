import { expect } from 'vitest';
import { namedConfigMaps } from '../../operator/policy/named-objects.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { row } from './matrix.ts';
import { manifest } from './replica.ts';
import {
  allIsWell,
  authority,
  first,
  held,
  hostB,
  neighbours,
  other,
  refreshMs,
  resourceOf,
  type Scene,
  setOf,
} from './scene.ts';

/** A policy of team-a that says it has the issuer of team-b. */
const evil = 'team-a/evil';
/** A key of team-a's making under the kid of team-b's. */
const impostor = await createSigner('ES256', { kid: 'other' });

/** Ways in which team-a can bring keys of its own for an issuer that is not its own. */
const ways: readonly (readonly [name: string, bring: (scene: Scene) => unknown])[] = [
  ['jwks.uri', ({ issuer }) => ({ jwks: { uri: `${issuer.issuer}/evil` } })],
  ['discoveryURL', ({ issuer }) => ({ discoveryURL: `${issuer.issuer}/metadata` })],
  ['jwks.inline', () => ({ jwks: { inline: JSON.stringify(setOf(impostor)) } })],
  ['jwks.configMapRef', () => ({ jwks: { configMapRef: { name: 'evil', key: 'jwks' } } })],
];

for (const [name, bring] of ways) {
  row(
    'T1',
    `keys of one's own for another's issuer, by ${name}, open nothing of the other's`,
    async (scene) => {
      const { issuer, neighbour } = scene;
      issuer.respond('/evil', { body: setOf(impostor) });
      issuer.respond('/metadata', {
        body: { ...neighbour.metadata, jwks_uri: `${issuer.issuer}/evil` },
      });
      scene.setConfigMap('team-a/evil', { jwks: JSON.stringify(setOf(impostor)) });
      scene.apply({ [evil]: scene.spec(evil, { issuer: neighbour.issuer, ...(bring(scene) as object) }) });
      await scene.rest();
      await expectSeparate(scene);
    },
  );
}

row(
  'T1',
  'a hostile authority and a man in the middle reach only who trusts that authority',
  async (scene) => {
    const { neighbour, replica } = scene;
    const hostile = await createCertificateAuthority();
    neighbour.present(await hostile.issue({ hosts: [hostB] }));
    neighbour.setKeys(setOf(impostor));
    scene.setConfigMap('team-a/evil', { 'ca.crt': hostile.certificatePem });
    scene.apply({
      [evil]: scene.spec(evil, {
        issuer: neighbour.issuer,
        caBundleRef: { name: 'evil', key: 'ca.crt' },
      }),
      'team-b/late': scene.spec('team-b/late', { jwks: { uri: neighbour.jwksURI } }),
    });
    await scene.rest();
    await expectSeparate(scene);
    expect(replica.reasons('team-b/late')).toMatchObject({ IssuerReady: 'TLSFailure', Ready: 'TLSFailure' });
    expect((await scene.ask('team-b/late', scene.token('team-b/late', impostor))).outcome).toBe(
      '503 keys_unavailable',
    );
  },
);

/** Team-a lets in whom it likes, at its own resource; team-b's is opened by team-b's tokens and no others. */
async function expectSeparate(scene: Scene): Promise<void> {
  const { issuer: iss } = scene.neighbour;
  expect(scene.replica.reasons(evil)).toMatchObject({ IssuerReady: 'KeysLoaded' });
  expect((await scene.ask(evil, scene.token(evil, impostor, { iss }))).outcome).toBe('admitted');
  for (let round = 0; round < 3; round += 1) {
    const forged = scene.token(neighbours, impostor, { aud: [resourceOf(neighbours), resourceOf(evil)] });
    expect((await scene.ask(neighbours, forged)).outcome).toBe('401 signature_invalid');
    expect((await scene.ask(evil, scene.token(evil, other, { iss }))).outcome).toBe('401 signature_invalid');
    expect((await scene.ask(evil, scene.token(neighbours, other))).outcome).toBe('401 audience_mismatch');
    expect((await scene.ask(neighbours, scene.token(neighbours, other))).outcome).toBe('admitted');
    await scene.pass(refreshMs);
  }
  expect(scene.replica.reasons(neighbours)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
}

const claims: readonly (readonly [resource: string, reason: string])[] = [
  [resourceOf(neighbours), 'ResourceNotAllowed'],
  [resourceOf('team-b/evil'), 'ResourceNotAllowed'],
  ['https://mcp.example.com/team-a/../team-b/own/mcp', 'Invalid'],
  ['https://mcp.example.com/team-a/%2e%2e/team-b/own/mcp', 'Invalid'],
  ['https://mcp.example.com/team-a%2f..%2fteam-b/own/mcp', 'Invalid'],
  ['https://mcp.example.com', 'ResourceNotAllowed'],
  ['https://mcp.example.com.evil.example.net/team-b/own/mcp', 'ResourceNotAllowed'],
];

for (const [resource, reason] of claims) {
  row('T2', `the resource ${resource} is not given to team-a`, async (scene) => {
    scene.apply({ [evil]: scene.spec(evil, { resource }) });
    await scene.rest();
    expect(scene.replica.reasons(evil)).toMatchObject({ Accepted: reason, Ready: reason });
    const token = scene.token(neighbours, first, { iss: scene.issuer.issuer });
    expect((await scene.ask(neighbours, token)).outcome).toBe('401 issuer_mismatch');
    expect((await scene.ask(evil, scene.token(evil, first))).outcome).toMatch(
      /^(404 path_not_found|503 policy_denies)$/,
    );
    expect(await scene.callers(held)).toEqual(allIsWell);
  });
}

const shared = 'https://shared.example.com/mcp';

row(
  'T2',
  'a resource on a host of both belongs to who came first, and the other is told',
  async (scene) => {
    scene.apply({ 'team-b/shared': scene.spec('team-b/shared', { resource: shared }) });
    scene.apply({ [evil]: scene.spec(evil, { resource: shared }) });
    await scene.rest();
    expect(scene.replica.reasons(evil)).toMatchObject({ Accepted: 'Conflicted', Ready: 'Conflicted' });
    expect(scene.replica.reasons('team-b/shared')).toMatchObject({ Ready: 'Ready' });
    const genuine = scene.token('team-b/shared', other);
    expect((await scene.ask('team-b/shared', genuine, shared)).outcome).toBe('admitted');
    const rival = scene.token(evil, first);
    expect((await scene.ask(evil, rival, shared)).outcome).toBe('401 issuer_mismatch');
  },
  { configuration: { resourceHosts: [{ namespaces: ['team-a', 'team-b'], hosts: ['shared.example.com'] }] } },
);

row('T2', "another's audience opens nothing of the other's", async (scene) => {
  scene.apply({ [evil]: scene.spec(evil, { audience: resourceOf(neighbours) }) });
  await scene.rest();
  const token = scene.token(evil, first, { aud: resourceOf(neighbours) });
  expect((await scene.ask(evil, token)).outcome).toBe('admitted');
  expect((await scene.ask(neighbours, token)).outcome).toBe('401 issuer_mismatch');
  expect((await scene.ask(evil, scene.token(neighbours, other))).outcome).toBe('401 issuer_mismatch');
  expect(await scene.callers(held)).toEqual(allIsWell);
});

const foreignNames: readonly (readonly [name: string, reason: string])[] = [
  ['secret', 'RefNotFound'],
  ['team-b/secret', 'Invalid'],
  ['../team-b/secret', 'Invalid'],
  ['/team-b/secret', 'Invalid'],
  ['..%2fteam-b%2fsecret', 'Invalid'],
  ['team-b\\secret', 'Invalid'],
  ['..', 'Invalid'],
  ['secret\0', 'Invalid'],
  ['__proto__', 'Invalid'],
];

for (const [name, reason] of foreignNames) {
  row('T3', `a reference to ${JSON.stringify(name)} reads nothing of team-b`, async (scene) => {
    scene.setConfigMap('team-b/secret', {
      data: authority.certificatePem,
      jwks: JSON.stringify(setOf(first)),
    });
    const ref = { name, key: 'data' };
    const specs = [{ caBundleRef: ref }, { jwks: { configMapRef: { name, key: 'jwks' } } }];
    for (const changes of specs) {
      const requests = scene.issuer.requests.length;
      const spec = scene.spec(evil, changes);
      scene.apply({ [evil]: spec });
      await scene.rest();
      expect((await scene.ask(evil, scene.token(evil, first))).outcome).toBe('503 policy_denies');
      expect(scene.replica.reasons(evil)).toMatchObject({ IssuerReady: 'Pending', Ready: reason });
      expect(scene.issuer.requests).toHaveLength(requests);
      const named = namedConfigMaps(manifest(evil, spec));
      expect(named.filter((one) => one.namespace !== 'team-a' || /[^a-z]/.test(one.name))).toEqual([]);
    }
    expect(await scene.callers(held)).toEqual(allIsWell);
  });
}

row('T3', 'the same references are good when the object is in the own namespace', async (scene) => {
  scene.setConfigMap('team-a/secret', { data: authority.certificatePem, jwks: JSON.stringify(setOf(first)) });
  for (const changes of [
    { caBundleRef: { name: 'secret', key: 'data' } },
    { jwks: { configMapRef: { name: 'secret', key: 'jwks' } } },
  ]) {
    scene.apply({ [evil]: scene.spec(evil, changes) });
    await scene.rest();
    expect((await scene.ask(evil, scene.token(evil, first))).outcome).toBe('admitted');
  }
});
