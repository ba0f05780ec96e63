import { expect, test } from 'vitest';
import { createApiServerHealth } from '../../operator/verify/api-server-health.ts';
import type { ReviewOutcome } from '../../operator/verify/review-token.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

const no: ReviewOutcome = { kind: 'not-authenticated' };
const forbidden: ReviewOutcome = { kind: 'failed', failure: 'Forbidden' };
const timeout: ReviewOutcome = { kind: 'failed', failure: 'Timeout' };

function createScene(first: ReviewOutcome) {
  const clock = createFakeClock();
  const asked: string[] = [];
  let outcome = first;
  let changes = 0;
  const health = createApiServerHealth({
    review: async (token) => {
      asked.push(token);
      return outcome;
    },
    clock,
    random: () => 0,
    onChange: () => {
      changes += 1;
    },
  });
  return {
    clock,
    asked,
    health,
    answer: (next: ReviewOutcome) => {
      outcome = next;
    },
    countChanges: () => changes,
  };
}

test('nothing is known, and nothing asked, before it is started', async () => {
  const { clock, asked, health } = createScene(no);
  expect(health.state()).toEqual({ tried: false });
  clock.advance(3_600_000);
  await settle();
  expect(asked).toEqual([]);
});

test('one that answers is asked once, however often it is started', async () => {
  const { clock, asked, health, countChanges } = createScene(no);
  health.start();
  health.start();
  await settle();
  health.start();
  clock.advance(3_600_000);
  await settle();
  expect(asked).toHaveLength(1);
  expect(health.state()).toEqual({ tried: true });
  expect(countChanges()).toBe(1);
});

test('one that does not let us is asked after 1 s, 2 s, … 30 s until it does', async () => {
  const { clock, asked, health, answer, countChanges } = createScene(forbidden);
  health.start();
  await settle();
  expect(health.state()).toEqual({ tried: true, failure: 'Forbidden' });
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    const before = asked.length;
    clock.advance(seconds * 1000 - 1);
    await settle();
    expect(asked).toHaveLength(before);
    clock.advance(1);
    await settle();
    expect(asked).toHaveLength(before + 1);
  }
  expect(countChanges()).toBe(1);
  answer(no);
  clock.advance(60_000);
  await settle();
  expect(health.state()).toEqual({ tried: true });
  expect(countChanges()).toBe(2);
  const after = asked.length;
  clock.advance(3_600_000);
  await settle();
  expect(asked).toHaveLength(after);
});

test('a review of a caller that fails is asked about again at once, and only that answer shows', async () => {
  const { asked, health, answer, countChanges } = createScene(no);
  await health.review('caller', ['a']);
  expect(health.state()).toEqual({ tried: true });
  answer(timeout);
  const failing = health.review('caller', ['a']);
  answer(no);
  expect(await failing).toEqual(timeout);
  await settle();
  expect(asked).toHaveLength(3);
  expect(asked[2]).not.toBe('caller');
  expect(health.state()).toEqual({ tried: true });
  expect(countChanges()).toBe(1);
});

test('callers who fail at the same time cause one question', async () => {
  const { asked, health } = createScene(timeout);
  await Promise.all(Array.from({ length: 20 }, () => health.review('caller', ['a'])));
  await settle();
  expect(asked.filter((token) => token !== 'caller')).toHaveLength(1);
  expect(health.state()).toEqual({ tried: true, failure: 'Timeout' });
});

test('a caller who gets an answer shows that all is well again', async () => {
  const { clock, asked, health, answer } = createScene(timeout);
  health.start();
  await settle();
  answer(no);
  await health.review('caller', ['a']);
  expect(health.state()).toEqual({ tried: true });
  const before = asked.length;
  clock.advance(60_000);
  await settle();
  expect(asked).toHaveLength(before);
});

test('a failure, an answer and a failure again while it is being asked make one series of questions', async () => {
  const clock = createFakeClock();
  const probes: ((outcome: ReviewOutcome) => void)[] = [];
  let callers: ReviewOutcome = timeout;
  const health = createApiServerHealth({
    review: (token) =>
      token === 'caller' ? Promise.resolve(callers) : new Promise((resolve) => probes.push(resolve)),
    clock,
    random: () => 0,
    onChange: () => undefined,
  });
  await health.review('caller', ['a']);
  callers = no;
  await health.review('caller', ['a']);
  callers = timeout;
  await health.review('caller', ['a']);
  expect(probes).toHaveLength(2);
  for (const answer of probes) answer(timeout);
  await settle();
  clock.advance(1_000);
  await settle();
  expect(probes).toHaveLength(3);
});

test('nothing is asked after the end', async () => {
  const { clock, asked, health } = createScene(timeout);
  health.start();
  await settle();
  health.close();
  clock.advance(60_000);
  await settle();
  expect(asked).toHaveLength(1);
});
