import { expect, test } from 'vitest';
import { createWorkBudget } from '../../operator/time/work-budget.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

function start() {
  const clock = createFakeClock();
  const budget = createWorkBudget(clock);
  const done: string[] = [];
  const spend = (owner: string, ms: number): Promise<void> =>
    budget.spend(owner, () => {
      clock.advance(ms);
      done.push(owner);
    });
  return { clock, budget, done, spend };
}

test('an owner who has used much waits four times as long; others do not', async () => {
  const { clock, done, spend } = start();
  await spend('a', 300);
  // 100 of them were his at once.
  const next = spend('a', 1);
  await spend('b', 1);
  expect(done).toEqual(['a', 'b']);
  clock.advance(790);
  await settle();
  expect(done).toEqual(['a', 'b']);
  clock.advance(20);
  await next;
  expect(done).toEqual(['a', 'b', 'a']);
});

test('who uses little never waits', async () => {
  const { clock, done, spend } = start();
  for (let round = 0; round < 100; round += 1) {
    await spend('a', 5);
    clock.advance(20);
  }
  expect(done).toHaveLength(100);
  expect(clock.pending()).toEqual([]);
});

test('work that throws costs what it took', async () => {
  const { clock, budget, done, spend } = start();
  const fail = (): never => {
    clock.advance(1000);
    throw new Error('no');
  };
  await expect(budget.spend('a', fail)).rejects.toThrow('no');
  void spend('a', 1);
  await settle();
  expect(done).toEqual([]);
});

test('who was paused in the middle of the work waits no longer than for half a second of it', async () => {
  const { clock, done, spend } = start();
  await spend('a', 20_000);
  const next = spend('a', 1);
  clock.advance(1_610);
  await next;
  expect(done).toHaveLength(2);
});

test('owners who come and go are forgotten, but not what they owe', async () => {
  const { clock, budget, done, spend } = start();
  for (let index = 0; index < 100; index += 1) {
    await spend(`once-${index}`, 5);
    clock.advance(20);
  }
  expect(budget.size()).toBeLessThanOrEqual(16);
  done.length = 0;
  await spend('a', 300);
  for (let index = 0; index < 100; index += 1) await spend(`other-${index}`, 1);
  void spend('a', 1);
  await settle();
  expect(done.filter((owner) => owner === 'a')).toEqual(['a']);
});
