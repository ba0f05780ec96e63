import { expect, test } from 'vitest';
import { coalesce } from '../../operator/commands/coalesce.ts';
import { createFakeClock } from '../fixtures/fake-clock.ts';

test('a burst makes one run, soon', () => {
  const clock = createFakeClock();
  let runs = 0;
  const ask = coalesce(clock, () => {
    runs += 1;
  });
  for (let times = 0; times < 3; times += 1) ask();
  expect(runs).toBe(0);
  clock.advance(0);
  expect(runs).toBe(1);
  ask();
  expect(clock.pending()).toEqual([0]);
});

test('a run that has taken long is followed by a rest, so that it never takes more than a fifth of the time', () => {
  const clock = createFakeClock();
  let workedMs = 0;
  const ask = coalesce({ ...clock, monotonicMs: () => clock.monotonicMs() + workedMs }, () => {
    workedMs += 300;
  });
  ask();
  clock.advance(0);
  ask();
  expect(clock.pending()).toEqual([1_200]);
  clock.advance(1_200);
  // What is asked for after the rest need not wait.
  clock.advance(5_000);
  ask();
  expect(clock.pending()).toEqual([0]);
});
