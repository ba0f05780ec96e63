import { expect } from 'vitest';
import { row } from './matrix.ts';
import { first, forger, held, recoveryMs, refreshMs, second, setOf, third } from './scene.ts';

/** Anybody can ask for a fetch by a token of an unknown key; the next one is made after this. */
const coolDownMs = 30_000;

row('I7', 'rotation with overlap: no good token fails, and nobody waits', async (scene) => {
  const { issuer, clock } = scene;
  const ask = async (signer: typeof first) => (await scene.ask(held, scene.token(held, signer))).outcome;
  const told: string[] = [];
  await scene.pass(refreshMs / 2);
  issuer.setKeys(setOf(first, second));
  const startedMs = clock.monotonicMs();
  // The new key signs at once, before any refresh; the old one for another while.
  for (let minute = 0; minute < 12; minute += 1) {
    told.push(await ask(second), await ask(first));
    await scene.pass(60_000);
  }
  issuer.setKeys(setOf(second));
  for (let minute = 0; minute < 6; minute += 1) {
    told.push(await ask(second));
    await scene.pass(60_000);
  }
  expect(told).toEqual(told.map(() => 'admitted'));
  expect(clock.monotonicMs() - startedMs).toBe(18 * 60_000);
  expect(await ask(first)).toBe('401 key_not_found');
  expect(scene.replica.history(held)).toEqual(['KeysLoaded']);
});

row(
  'I8',
  'rotation without overlap: the new key works at once, and the old one dies with that fetch',
  async (scene) => {
    const { issuer } = scene;
    await scene.pass(10_000);
    const old = scene.token(held, first);
    issuer.setKeys(setOf(second));
    expect((await scene.ask(held, old)).outcome).toBe('admitted');
    const before = scene.fetchTimes().length;
    expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
    expect(scene.fetchTimes()).toHaveLength(before + 1);
    expect((await scene.ask(held, old)).outcome).toBe('401 key_not_found');
    expect(scene.fetchTimes()).toHaveLength(before + 1);
  },
);

row('I8', 'a second rotation within the cool-down: 503 and when to come again, not 401', async (scene) => {
  const { issuer, clock } = scene;
  await scene.pass(10_000);
  issuer.setKeys(setOf(second));
  expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
  await scene.pass(5_000);
  issuer.setKeys(setOf(third));
  const token = scene.token(held, third);
  const fetchesBefore = scene.fetchTimes().length;
  const { outcome, retryAfterSeconds = 0 } = await scene.ask(held, token);
  expect(outcome).toBe('503 keys_unavailable');
  expect(retryAfterSeconds * 1000).toBe(coolDownMs - 5_000);
  const askedMs = clock.monotonicMs();
  await scene.pass(retryAfterSeconds * 1000 - 1_000);
  expect((await scene.ask(held, token)).outcome).toBe('503 keys_unavailable');
  expect(scene.fetchTimes()).toHaveLength(fetchesBefore);
  await scene.pass(1_000);
  expect((await scene.ask(held, token)).outcome).toBe('admitted');
  expect(clock.monotonicMs() - askedMs).toBeLessThanOrEqual(coolDownMs);
});

row(
  'I8',
  'a token older than the last fetch whose key is not there is bad, also in the cool-down',
  async (scene) => {
    const { issuer } = scene;
    const old = scene.token(held, third);
    await scene.pass(10_000);
    issuer.setKeys(setOf(second));
    expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
    expect((await scene.ask(held, old)).outcome).toBe('401 key_not_found');
  },
);

row(
  'I9',
  'a withdrawn key is dead at the next good fetch, at the latest one refresh later',
  async (scene) => {
    const { issuer, replica } = scene;
    issuer.setKeys(setOf(second));
    const stolen = (): string => scene.token(held, first);
    await scene.pass(refreshMs - 1_000);
    expect((await scene.ask(held, stolen())).outcome).toBe('admitted');
    await scene.pass(1_000);
    const { outcome } = await scene.ask(held, stolen());
    expect(outcome).toBe('401 key_not_found');
    expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
    expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
    await scene.pass(refreshMs);
    expect((await scene.ask(held, stolen())).outcome).toBe('401 key_not_found');
  },
);

row('I9', 'the last key withdrawn: an empty set is doubted twice and then believed', async (scene) => {
  const { issuer, replica } = scene;
  issuer.setKeys(setOf());
  await scene.pass(refreshMs);
  expect((await scene.ask(held, scene.token(held, first))).outcome).toBe('admitted');
  await scene.pass(10_000);
  expect((await scene.ask(held, scene.token(held, first))).outcome).toBe('503 keys_unavailable');
  expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'NoUsableKeys', Ready: 'NoUsableKeys' });
  issuer.setKeys(setOf(second));
  await scene.pass(recoveryMs);
  expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
  expect((await scene.ask(held, scene.token(held, first))).outcome).toBe('401 key_not_found');
  expect(replica.history(held)).toEqual(['KeysLoaded', 'NoUsableKeys', 'KeysLoaded']);
});

row('I9', 'an issuer in trouble cannot revive a withdrawn key', async (scene) => {
  const { issuer } = scene;
  issuer.setKeys(setOf(second));
  await scene.pass(refreshMs);
  issuer.respond(issuer.jwksPath, { status: 500 });
  await scene.pass(refreshMs);
  expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
  expect((await scene.ask(held, scene.token(held, first))).outcome).not.toBe('admitted');
});

row(
  'I10',
  'another key under the same kid: the old one until the fetch, the new one after it, never both',
  async (scene) => {
    const { issuer, replica } = scene;
    const oldToken = scene.token(held, first);
    const newToken = scene.token(held, forger);
    expect((await scene.ask(held, newToken)).outcome).toBe('401 signature_invalid');
    await scene.pass(coolDownMs);
    issuer.setKeys(setOf(forger));
    expect((await scene.ask(held, oldToken)).outcome).toBe('admitted');
    const before = scene.fetchTimes().length;
    expect((await scene.ask(held, newToken)).outcome).toBe('admitted');
    expect(scene.fetchTimes()).toHaveLength(before + 1);
    expect((await scene.ask(held, oldToken)).outcome).toBe('401 signature_invalid');
    expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
  },
);

row('I10', 'another key under the same kid, and nobody asks: the next refresh brings it', async (scene) => {
  const { issuer } = scene;
  issuer.setKeys(setOf(forger));
  await scene.pass(refreshMs);
  expect((await scene.ask(held, scene.token(held, forger))).outcome).toBe('admitted');
  expect((await scene.ask(held, scene.token(held, first))).outcome).toBe('401 signature_invalid');
});
