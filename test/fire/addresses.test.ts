import { expect } from 'vitest';
import { type ResolveHost, resolveByDns } from '../../operator/keys/resolve-host.ts';
import { type DnsRecord, startDnsServer } from '../keys/dns-server.ts';
import { resolveTo, startCanary } from '../keys/loopback.ts';
import { fault, row } from './matrix.ts';
import { allIsWell, first, held, hostA, portOf, recoveryMs, refreshMs, type Scene } from './scene.ts';

/** The rules allow one address, which stands for the public ones: a test must not connect to the internet. */
const allowed = '127.0.0.1';
/** Where a second canary listens, on the issuer's own port. */
const forbidden = '127.0.0.9';

const answers: readonly (readonly [what: string, answer: readonly string[]])[] = [
  ['another loopback address', [forbidden]],
  ['an allowed address and another', [allowed, forbidden]],
  ['another address and an allowed one', [forbidden, allowed]],
  ['an allowed address and a private one', [allowed, '10.0.0.1']],
  ['an IPv4-mapped address', [`::ffff:${forbidden}`]],
  ['an IPv4-mapped address in hex', ['::ffff:7f00:9']],
  ['an allowed address and a mapped one', [allowed, `::ffff:${forbidden}`]],
  ['IPv6 loopback', ['::1']],
  ['the metadata address', ['169.254.169.254']],
  ['the mapped metadata address', ['::ffff:a9fe:a9fe']],
  ['no address at all', ['localhost']],
];

for (const [what, answer] of answers) {
  let end: () => Promise<void> = async () => undefined;
  fault('I13', `a name that turns to ${what}`, {
    inject: async (scene) => {
      end = await watch(scene);
      scene.names.set(hostA, resolveTo(answer));
    },
    end: async ({ names }) => {
      await end();
      names.set(hostA, resolveTo([allowed]));
    },
    reason: 'AddressNotAllowed',
  });
}

row('I13', 'a name that changes between the two documents of one attempt', async (scene) => {
  const end = await watch(scene);
  // Two places are asked for metadata; the key set is the third.
  scene.names.set(hostA, resolveTo([allowed], [allowed], [forbidden]));
  const asked = scene.issuer.requests.length;
  await scene.pass(refreshMs);
  expect(scene.issuer.requests.slice(asked).map(({ path }) => path)).toEqual([
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
  ]);
  expect(await scene.callers(held)).toEqual(allIsWell);
  await end();
});

row('I13', 'a real name server that answers first well and then ill', async (scene) => {
  const end = await watch(scene);
  const records: Record<string, DnsRecord> = { [hostA]: { a: [allowed] } };
  await using dns = await startDnsServer(records);
  const resolve: ResolveHost = (host, _rules, signal) => resolveByDns(host, signal, [dns.address]);
  scene.names.set(hostA, resolve);
  const fetches = scene.fetchTimes().length;
  await scene.pass(refreshMs);
  expect(scene.fetchTimes()).toHaveLength(fetches + 1);

  const ill: readonly DnsRecord[] = [
    { a: [forbidden] },
    { a: [allowed, forbidden] },
    { a: [allowed], aaaa: [mapped(127, 0, 0, 9)] },
  ];
  for (const record of ill) {
    records[hostA] = record;
    const [seen, asked] = [scene.issuer.requests.length, dns.asked.length];
    await scene.pass(refreshMs);
    expect(dns.asked.length).toBeGreaterThan(asked);
    expect(scene.issuer.requests).toHaveLength(seen);
    expect(await scene.callers(held)).toEqual(allIsWell);
  }
  scene.apply({ 'team-a/late': scene.spec('team-a/late', { jwks: { uri: scene.issuer.jwksURI } }) });
  await scene.rest();
  expect((await scene.callers('team-a/late')).good).toBe('503 keys_unavailable');
  expect(scene.replica.reasons('team-a/late')).toMatchObject({ IssuerReady: 'AddressNotAllowed' });
  await end();

  records[hostA] = { a: [allowed] };
  await scene.pass(recoveryMs);
  const { outcome } = await scene.ask('team-a/late', scene.token('team-a/late', first));
  expect(outcome).toBe('admitted');
});

/** Listens where the name may lead to; what is returned looks whether somebody came. */
async function watch({ issuer }: Scene): Promise<() => Promise<void>> {
  const canary = await startCanary(undefined, portOf(issuer), forbidden);
  return async () => {
    await canary[Symbol.asyncDispose]();
    expect(canary.connections()).toBe(0);
  };
}

function mapped(...bytes: readonly number[]): readonly number[] {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes];
}
