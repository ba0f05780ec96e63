import { expect } from 'vitest';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import type { Script } from '../fixtures/scripted-response.ts';
import { fault, row } from './matrix.ts';
import {
  allIsWell,
  authority,
  first,
  forger,
  held,
  hostA,
  neighbours,
  presentCertificate,
  recoveryMs,
  refreshMs,
  resourceOf,
  type Scene,
} from './scene.ts';

const hourMs = 3_600_000;

fault('I1', 'connections refused', {
  inject: ({ issuer }) => issuer.stop(),
  end: ({ issuer }) => issuer.start(),
  reason: 'HTTPError',
});

fault('I1', 'connections reset', answering('reset', 'HTTPError'));
fault('I1', 'answers of 500', answering({ status: 500, body: 'no' }, 'HTTPError'));
fault('I1', 'silence after the request', stalling('hang'));

fault('I1', 'a name that does not exist', {
  inject: ({ names }) => names.delete(hostA),
  end: resolveWell,
  reason: 'DNSFailure',
});

fault('I1', 'a name without addresses', {
  inject: ({ names }) => names.set(hostA, async () => []),
  end: resolveWell,
  reason: 'DNSFailure',
});

fault('I1', 'a name server that fails', {
  inject: ({ names }) => names.set(hostA, () => Promise.reject(new Error('SERVFAIL'))),
  end: resolveWell,
  reason: 'DNSFailure',
});

fault('I1', 'a name server that does not answer', {
  inject: ({ names, stalls }) => names.set(hostA, stalls.resolve),
  end: resolveWell,
  reason: 'Timeout',
});

row(
  'I1',
  'an outage of a day: keys are used for 24 hours and not longer, and the status turns once each way',
  async (scene) => {
    const { issuer, replica } = scene;
    await issuer.stop();
    await scene.pass(24 * hourMs);
    expect(await scene.callers(held)).toEqual(allIsWell);
    expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
    await scene.pass(recoveryMs);
    const undecided = '503 keys_unavailable';
    expect(await scene.callers(held)).toEqual({ ...allIsWell, good: undecided, bad: undecided });
    expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysStale', Ready: 'KeysStale' });
    await scene.pass(hourMs);
    await issuer.start();
    await scene.pass(recoveryMs);
    expect(await scene.callers(held)).toEqual(allIsWell);
    expect(replica.history(held)).toEqual(['KeysLoaded', 'KeysStale', 'KeysLoaded']);
  },
  { keyRefresh: '6h' },
);

const drip = { bytes: 1, everyMs: 1000 };

fault('I2', 'a body that comes byte by byte', stalling({ body: '{"issuer":"…"}', drip }));
fault('I2', 'headers and then silence', stalling({ body: '{', ending: 'hang' }));

row(
  'I2',
  'a slow issuer is cut off after 5 s, and a caller who waits for it is answered then',
  async (scene) => {
    const { issuer, stalls, clock } = scene;
    issuer.respond(issuer.jwksPath, stalls.play({ body: '{"keys":[]}', drip }));
    const before = clock.monotonicMs();
    const { outcome } = await scene.ask(held, scene.token(held, forger));
    expect(outcome).toBe('401 signature_invalid');
    expect(clock.monotonicMs() - before).toBeGreaterThanOrEqual(5_000);
    expect(clock.monotonicMs() - before).toBeLessThan(6_000);
    await scene.rest();
    expect(stalls.count()).toBe(0);
  },
);

fault('I6', 'a certificate that has expired', {
  inject: (scene) => presentCertificate(scene, { notAfter: new Date('2021-01-01T00:00:00Z') }),
  end: presentGood,
  reason: 'TLSFailure',
});

fault('I6', 'a certificate for another host', {
  inject: (scene) => presentCertificate(scene, { hosts: ['idp-b.example.com', '127.0.0.1'] }),
  end: presentGood,
  reason: 'TLSFailure',
});

fault('I6', 'a certificate of another authority', {
  inject: async (scene) => presentCertificate(scene, { ca: await createCertificateAuthority() }),
  end: presentGood,
  reason: 'TLSFailure',
});

fault('I6', 'a name with a NUL in it, which a careless comparison takes for ours', {
  inject: (scene) => presentCertificate(scene, { hosts: [`${hostA}\0.evil.example.net`] }),
  end: presentGood,
  reason: 'TLSFailure',
});

fault('I6', 'nothing newer than TLS 1.1', {
  inject: async ({ issuer }) => {
    const terms = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    issuer.present(await authority.issue({ hosts: [hostA] }), terms);
  },
  end: presentGood,
  reason: 'TLSFailure',
});

row('I6', 'a new authority: refused until the ConfigMap names it, and then good at once', async (scene) => {
  const { replica, clock } = scene;
  const renewed = await createCertificateAuthority();
  await presentCertificate(scene, { ca: renewed });
  await scene.pass(refreshMs);
  expect(await scene.callers(held)).toEqual(allIsWell);

  const before = clock.monotonicMs();
  scene.setConfigMap('team-a/trust', { 'ca.crt': renewed.certificatePem });
  // Keys are not carried over to other trust inputs: who asks in this moment cannot be told.
  expect((await scene.ask(held, scene.token(held, first))).outcome).toBe('503 keys_unavailable');
  await scene.rest();
  expect(await scene.callers(held)).toEqual(allIsWell);
  expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
  expect(clock.monotonicMs()).toBe(before);

  scene.setConfigMap('team-a/trust', { 'ca.crt': authority.certificatePem });
  await scene.rest();
  expect((await scene.callers(held)).good).toBe('503 keys_unavailable');
  expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'TLSFailure', Ready: 'TLSFailure' });
});

row('I14', 'an issuer that serves one replica only: each goes by what it has itself', async (scene) => {
  const names = new Map(scene.names);
  names.delete(hostA);
  const cutOff = scene.startReplica(names);
  await scene.rest();
  const token = scene.token(held, first);
  const ask = async () => (await scene.hear(cutOff.ask(resourceOf(held), token))).outcome;
  expect(await ask()).toBe('503 keys_unavailable');
  expect(cutOff.reasons(held)).toMatchObject({ IssuerReady: 'DNSFailure', Ready: 'DNSFailure' });
  expect((await scene.hear(cutOff.ask(resourceOf(neighbours), scene.token(held, first)))).outcome).toBe(
    '401 issuer_mismatch',
  );
  expect(await scene.callers(held)).toEqual(allIsWell);
  expect(scene.replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });

  resolveWell({ ...scene, names });
  await scene.pass(recoveryMs);
  expect(await ask()).toBe('admitted');
  expect(cutOff.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
});

function answering(script: Script, reason: string) {
  return { inject: ({ issuer }: Scene) => issuer.respond(issuer.discoveryPath, script), reason };
}

function stalling(script: Script) {
  return {
    inject: ({ issuer, stalls }: Scene) => {
      issuer.respond(issuer.discoveryPath, stalls.play(script));
      issuer.respond(issuer.jwksPath, stalls.play(script));
    },
    reason: 'Timeout',
  };
}

function resolveWell({ names }: Scene): void {
  names.set(hostA, async () => ['127.0.0.1']);
}

function presentGood(scene: Scene): Promise<void> {
  return presentCertificate(scene, {});
}
