import { expect } from 'vitest';
import { discoveryLocations } from '../../operator/keys/discovery.ts';
import type { Script } from '../fixtures/scripted-response.ts';
import { row } from './matrix.ts';
import { allIsWell, first, held, other, refreshMs, type Scene } from './scene.ts';

const many = 1_000;
const roomForAll = { configuration: { limits: { maxPoliciesPerNamespace: 2 * many } } };
/** A turn that nobody gives back is over after this. */
const turnMs = 5_000;

row(
  'T4',
  'a thousand policies with dead issuers: the first fetch of another tenant waits for one turn at most',
  async (scene) => {
    scene.names.set('dead.example.com', scene.stalls.resolve);
    const startedMs = scene.clock.monotonicMs();
    scene.apply(dead(scene, many, 'https://dead.example.com'));
    await scene.rest();
    await expectFirstFetchWithin(scene, 'team-b/at-once', turnMs);
    // The thousand take their turns for longer than this.
    await scene.pass(60_000);
    expect(scene.replica.reasons('team-a/dead-999')).not.toMatchObject({ IssuerReady: 'Timeout' });
    await expectFirstFetchWithin(scene, 'team-b/later', turnMs);

    // A refresh too waits for one turn at most.
    await scene.pass(startedMs + 3 * (refreshMs + turnMs) - scene.clock.monotonicMs());
    expect(scene.replica.reasons('team-a/dead-999')).toMatchObject({ IssuerReady: 'Timeout' });
    expectRefreshes(scene, 3);
    expect(await scene.callers(held)).toEqual(allIsWell);
  },
  roomForAll,
);

const silence: readonly (readonly [string, (scene: Scene) => Script])[] = [
  ['never answer', () => 'hang'],
  ['answer byte by byte', () => ({ body: ' '.repeat(100), drip: { bytes: 1, everyMs: 1000 } })],
  [
    'answer each question in time, and with nothing',
    ({ clock }) =>
      (_, response) =>
        clock.after(turnMs - 1_000, () => response.writeHead(404).end()),
  ],
];

for (const [what, script] of silence) {
  row('T4', `fifty policies whose issuers ${what}: open connections hold nobody else up`, async (scene) => {
    const { issuer, stalls } = scene;
    const policies = Array.from({ length: 50 }, (_, index) => `team-a/dead-${index}`);
    const specs = policies.map((policy) => {
      const dead = `${issuer.issuer}/${policy}`;
      for (const url of discoveryLocations(dead))
        issuer.respond(new URL(url).pathname, stalls.play(script(scene)));
      return [policy, { ...lightSpec(scene, policy), issuer: dead }] as const;
    });
    scene.apply(Object.fromEntries(specs));
    await scene.rest();
    expect(stalls.count()).toBe(16);
    await expectFirstFetchWithin(scene, 'team-b/at-once', turnMs);
    await scene.pass(refreshMs);
    expectRefreshes(scene, 1);
    expect(await scene.callers(held)).toEqual(allIsWell);
  });
}

row(
  'T4',
  'a thousand policies of one issuer make one fetch, and one more each refresh',
  async (scene) => {
    const policies = Array.from({ length: many }, (_, index) => `team-a/same-${index}`);
    const before = scene.issuer.requests.length;
    scene.apply(Object.fromEntries(policies.map((policy) => [policy, lightSpec(scene, policy)])));
    await scene.rest();
    expect(scene.issuer.requests).toHaveLength(before);
    expect(scene.fetchTimes()).toHaveLength(1);
    const both = ['team-a/same-0', 'team-a/same-999'];
    for (const policy of both) {
      expect((await scene.ask(policy, scene.token(policy, first))).outcome).toBe('admitted');
    }
    // Callers are served at once; self-tests are spread, a hundred a second.
    await scene.pass(10_000);
    for (const policy of both) expect(scene.replica.reasons(policy)).toMatchObject({ Ready: 'Ready' });
    await scene.pass(refreshMs - 10_000);
    expect(scene.fetchTimes()).toHaveLength(2);
  },
  roomForAll,
);

function dead(scene: Scene, count: number, host: string): Readonly<Record<string, object>> {
  const policies = Array.from({ length: count }, (_, index) => [`team-a/dead-${index}`, index] as const);
  return Object.fromEntries(
    policies.map(([policy, index]) => [policy, { ...lightSpec(scene, policy), issuer: `${host}/${index}` }]),
  );
}

/** The self-test takes the first algorithm, and that of elliptic curves is the quick one. */
function lightSpec(scene: Scene, policy: string): object {
  return scene.spec(policy, { algorithms: ['ES256'] });
}

/** Adds a policy of team-b with a key source of its own. */
async function expectFirstFetchWithin(scene: Scene, policy: string, ms: number): Promise<void> {
  const path = `/${policy}`;
  scene.neighbour.respond(path, { body: { keys: [other.publicJwk] } });
  scene.apply({ [policy]: scene.spec(policy, { jwks: { uri: `${scene.neighbour.issuer}${path}` } }) });
  const appliedMs = scene.clock.monotonicMs();
  await scene.pass(ms);
  const [fetchedMs = Number.POSITIVE_INFINITY] = neighbourTimes(scene, path);
  expect(fetchedMs - appliedMs).toBeLessThanOrEqual(ms);
  expect((await scene.ask(policy, scene.token(policy, other))).outcome).toBe('admitted');
}

/** Keys that are held are looked after in time, whoever else waits. */
function expectRefreshes(scene: Scene, count: number): void {
  const times = neighbourTimes(scene, scene.neighbour.jwksPath);
  expect(times).toHaveLength(count + 1);
  for (const [index, time] of times.slice(1).entries()) {
    const waitedMs = time - (times[index] ?? 0);
    expect(Math.abs(waitedMs - refreshMs)).toBeLessThanOrEqual(refreshMs / 10);
  }
}

function neighbourTimes({ neighbour }: Scene, path: string): readonly number[] {
  return neighbour.requests.filter((request) => request.path === path).map(({ time }) => time);
}
