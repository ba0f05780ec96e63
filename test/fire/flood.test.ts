import { expect, test } from 'vitest';
import type { Signer } from '../fixtures/token-forge.ts';
import { first, forger, held, neighbours, other, refreshMs, type Scene, startScene } from './scene.ts';

const coolDownMs = 30_000;
const rounds = 20;
const perRound = 200;
/** Two minutes in all: four fetches on demand, if the flood had its way with each. */
const betweenRoundsMs = 6_000;

let serial = 0;
const stranger = (): Signer => ({
  ...forger,
  sign: (header, payload) => {
    serial += 1;
    return forger.sign({ ...(header as object), kid: `stranger-${serial}` }, payload);
  },
});

/** Sends bad tokens of both kinds in turns, and counts what they were told. */
async function flood(scene: Scene): Promise<ReadonlyMap<string, number>> {
  const told = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    const signers = Array.from({ length: perRound }, (_, index) => (index % 2 === 0 ? stranger() : forger));
    const tokens = signers.map((signer) => scene.token(held, signer));
    const answers = await Promise.all(tokens.map((token) => scene.ask(held, token)));
    for (const { outcome } of answers) told.set(outcome, (told.get(outcome) ?? 0) + 1);
    expect((await scene.ask(held, scene.token(held, first))).outcome).toBe('admitted');
    expect((await scene.ask(neighbours, scene.token(neighbours, other))).outcome).toBe('admitted');
    await scene.pass(betweenRoundsMs);
  }
  return told;
}

/** Times at which the key set alone was asked for: a refresh looks at the metadata first, a fetch on demand does not. */
function demandTimes(scene: Scene): readonly number[] {
  const refreshes = new Set(scene.fetchTimes(scene.issuer.discoveryPath));
  return scene.fetchTimes().filter((time) => !refreshes.has(time));
}

function gaps(times: readonly number[]): readonly number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

test('flood: 4,000 bad tokens make one fetch in 30 s, and none is admitted', async () => {
  await using scene = await startScene({ keyRefresh: '1h' });
  await scene.pass(1_000);
  const told = await flood(scene);
  expect(told.has('admitted')).toBe(false);
  expect([...told.values()].reduce((total, count) => total + count)).toBe(rounds * perRound);
  expect(told.get('401 signature_invalid')).toBe((rounds * perRound) / 2);
  const times = demandTimes(scene);
  expect(times).toHaveLength((rounds * betweenRoundsMs) / coolDownMs);
  expect(Math.min(...gaps(times))).toBeGreaterThanOrEqual(coolDownMs);
  expect(scene.fetchTimes()).toHaveLength(times.length + 1);
  scene.expectUnharmed();
});

test.each([
  ['answers 500', { status: 500 }],
  ['cuts its connections', 'reset' as const],
])('flood: an issuer that %s is asked once more for each cool-down', async (_, script) => {
  const quiet = await countRequests(async (scene) => scene.pass(rounds * betweenRoundsMs));
  const flooded = await countRequests(async (scene) => {
    const told = await flood(scene);
    expect(told.has('admitted')).toBe(false);
    const times = demandTimes(scene);
    expect(times.length).toBeGreaterThan(1);
    expect(Math.min(...gaps(times))).toBeGreaterThanOrEqual(coolDownMs);
  });
  // On top of the retries by itself there is one fetch for each cool-down.
  expect(flooded).toBeLessThanOrEqual(quiet + (rounds * betweenRoundsMs) / coolDownMs);

  async function countRequests(run: (scene: Scene) => Promise<void>): Promise<number> {
    await using scene = await startScene();
    await scene.pass(refreshMs - 1_000);
    scene.issuer.respond(scene.issuer.jwksPath, script);
    await scene.pass(1_000);
    const before = scene.fetchTimes().length;
    await run(scene);
    scene.expectUnharmed();
    return scene.fetchTimes().length - before;
  }
});
