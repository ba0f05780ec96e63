import { expect, test } from 'vitest';
import { createSelfTestSchedule } from '../../operator/enforcement/self-test-schedule.ts';
import type { SelfTestOutcome } from '../../operator/policy/observation.ts';
import type { EnforcedPolicy } from '../../operator/self-test/self-test.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

function policy(namespace: string, digest: string, mode = 'OIDC'): EnforcedPolicy {
  return { namespace, name: digest, digest, verifier: { mode } } as EnforcedPolicy;
}

function passed({ digest }: EnforcedPolicy): SelfTestOutcome {
  return { kind: 'tested', result: { configDigest: digest, checks: 5, failed: [] } };
}

const unavailable: SelfTestOutcome = { kind: 'untested', why: 'Unavailable' };

/** A schedule whose tests end when they are told to. */
function createScene(answer?: (policy: EnforcedPolicy) => SelfTestOutcome) {
  const clock = createFakeClock();
  const started: string[] = [];
  const told: string[] = [];
  const waiting = new Map<string, (outcome: SelfTestOutcome) => void>();
  const schedule = createSelfTestSchedule({
    selfTest: (tested) => {
      started.push(tested.digest);
      if (answer !== undefined) return Promise.resolve(answer(tested));
      return new Promise((resolve) => waiting.set(tested.digest, resolve));
    },
    clock,
    random: () => 0,
    onOutcome: ({ digest }) => void told.push(digest),
  });
  return { clock, schedule, started, told, waiting };
}

test('a configuration is tested once, however often it is named', async () => {
  const { schedule, started, told } = createScene(passed);
  const x = policy('a', 'x');
  schedule.retain([{ policy: x }]);
  expect(schedule.outcomeOf('x')).toBeUndefined();
  schedule.retain([{ policy: x }]);
  await settle();
  schedule.retain([{ policy: x }]);
  await settle();
  expect(started).toEqual(['x']);
  expect(told).toEqual(['x']);
  expect(schedule.outcomeOf('x')).toEqual(passed(x));
});

test('a stored verdict stands in for the test', async () => {
  const { schedule, started } = createScene(passed);
  const x = policy('a', 'x');
  schedule.retain([{ policy: x, storedVerdict: passed(x) }]);
  await settle();
  expect(started).toEqual([]);
  expect(schedule.outcomeOf('x')).toEqual(passed(x));
});

test('an outcome for a configuration that is gone is dropped', async () => {
  const { schedule, told, waiting } = createScene();
  const x = policy('a', 'x');
  schedule.retain([{ policy: x }]);
  await settle();
  schedule.retain([]);
  waiting.get('x')?.(passed(x));
  await settle();
  expect(told).toEqual([]);
  expect(schedule.outcomeOf('x')).toBeUndefined();
});

test('a test that throws has failed', async () => {
  const { schedule } = createScene(() => {
    throw new Error('no entropy');
  });
  schedule.retain([{ policy: policy('a', 'x') }]);
  await settle();
  expect(schedule.outcomeOf('x')).toMatchObject({
    kind: 'tested',
    result: { failed: [{ name: 'self-test' }] },
  });
});

test('a test that could not be run is tried again after 5 s, 10 s, … minutes, and no other', async () => {
  let answer: (tested: EnforcedPolicy) => SelfTestOutcome = () => unavailable;
  const { clock, schedule, started } = createScene((tested) => answer(tested));
  schedule.retain([{ policy: policy('a', 'x') }]);
  await settle();
  expect(schedule.outcomeOf('x')).toEqual(unavailable);
  clock.advance(4_999);
  await settle();
  expect(started).toHaveLength(1);
  clock.advance(1);
  await settle();
  expect(started).toHaveLength(2);
  for (let retry = 0; retry < 10; retry += 1) {
    clock.advance(300_000);
    await settle();
  }
  expect(started).toHaveLength(12);
  answer = passed;
  clock.advance(300_000);
  await settle();
  clock.advance(3_600_000);
  await settle();
  expect(started).toHaveLength(13);
  expect(schedule.outcomeOf('x')).toMatchObject({ kind: 'tested' });
});

test.each([
  ['OIDC', 1],
  ['TokenReview', 9],
])('in mode %s a failed test is tried %i times', async (mode, times) => {
  const { clock, schedule, started } = createScene(({ digest }) => ({
    kind: 'tested',
    result: {
      configDigest: digest,
      checks: 12,
      failed: [{ name: 'good-token', decision: 'token_inactive' }],
    },
  }));
  schedule.retain([{ policy: policy('a', 'x', mode) }]);
  await settle();
  for (let retry = 0; retry < 20; retry += 1) {
    clock.advance(300_000);
    await settle();
  }
  expect(started).toHaveLength(times);
  expect(schedule.outcomeOf('x')).toMatchObject({ kind: 'tested' });
});

test('no more than two at a time, namespaces taking turns', async () => {
  const { schedule, started, waiting } = createScene();
  const ofMany = ['m1', 'm2', 'm3', 'm4'].map((digest) => policy('many', digest));
  const one = policy('one', 'o1');
  schedule.retain([...ofMany, one].map((tested) => ({ policy: tested })));
  await settle();
  expect(started).toEqual(['m1', 'm2']);
  waiting.get('m1')?.(passed(policy('many', 'm1')));
  await settle();
  waiting.get('m2')?.(passed(policy('many', 'm2')));
  await settle();
  expect(started.slice(2)).toEqual(['m3', 'o1']);
});

test('a storm is spread: a hundred at once, then a hundred a second', async () => {
  const { clock, schedule, started } = createScene(passed);
  schedule.retain(Array.from({ length: 220 }, (_, index) => ({ policy: policy('a', `p${index}`) })));
  await settle(1000);
  expect(started).toHaveLength(100);
  clock.advance(200);
  await settle(1000);
  expect(started.length).toBeGreaterThan(100);
  expect(started.length).toBeLessThanOrEqual(120);
});

test('a configuration that goes and comes back is tried again once, not once more each time', async () => {
  const { clock, schedule, started } = createScene(() => unavailable);
  const x = policy('a', 'x');
  for (let round = 0; round < 10; round += 1) {
    schedule.retain([{ policy: x }]);
    await settle();
    schedule.retain([]);
  }
  schedule.retain([{ policy: x }]);
  await settle();
  const before = started.length;
  clock.advance(5_000);
  await settle();
  expect(started).toHaveLength(before + 1);
});

test('nothing is tested after the end', async () => {
  const { clock, schedule, started } = createScene(() => unavailable);
  schedule.retain([{ policy: policy('a', 'x') }]);
  await settle();
  schedule.close();
  clock.advance(3_600_000);
  await settle();
  expect(started).toEqual(['x']);
});
