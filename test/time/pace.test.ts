import { expect, test } from 'vitest';
import { createPace } from '../../operator/time/pace.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

function createScene() {
  const clock = createFakeClock();
  const awaitPace = createPace(clock, 10, 3);
  const started: string[] = [];
  const ask = (owner: string, count: number): void => {
    for (let index = 0; index < count; index += 1) {
      void awaitPace(owner).then(() => started.push(`${owner}${index}`));
    }
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await settle(3);
    }
  };
  return { started, ask, pass };
}

test('after a burst, so many a second, in the order in which they came', async () => {
  const { started, ask, pass } = createScene();
  ask('a', 8);
  await settle();
  expect(started).toEqual(['a0', 'a1', 'a2']);
  await pass(200);
  expect(started).toEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
  await pass(1_000);
  expect(started).toHaveLength(8);
});

test('one owner does not wait for another', async () => {
  const { started, ask } = createScene();
  ask('a', 100);
  ask('b', 2);
  await settle();
  expect(started).toContain('b0');
  expect(started).toContain('b1');
});

test('a burst may come again after a rest', async () => {
  const { started, ask, pass } = createScene();
  ask('a', 3);
  await pass(1_000);
  ask('a', 4);
  await settle();
  expect(started).toHaveLength(6);
});
