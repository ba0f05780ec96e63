import { expect, test } from 'vitest';
import { createPace } from '../../operator/time/pace.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

function createScene() {
  const clock = createFakeClock();
  const { wait, size } = createPace(clock, 10, 3);
  const started: string[] = [];
  const ask = (owner: string, count: number, signal?: AbortSignal): void => {
    for (let index = 0; index < count; index += 1) {
      wait(owner, signal).then(
        () => started.push(`${owner}${index}`),
        () => undefined,
      );
    }
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await settle(3);
    }
  };
  return { clock, size, started, ask, pass };
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

test('who does not wait any more leaves the line at once', async () => {
  const { clock, started, ask, pass } = createScene();
  const closing = new AbortController();
  ask('a', 1_000, closing.signal);
  await settle();
  closing.abort();
  started.length = 0;
  ask('a', 2);
  await pass(200);
  expect(started).toEqual(['a0', 'a1']);
  expect(clock.pending()).toEqual([]);
});

test('owners who come and go are forgotten, but not that they have just had a burst', async () => {
  const { size, started, ask, pass } = createScene();
  for (let index = 0; index < 100; index += 1) {
    ask(`once-${index}-`, 1);
    await pass(100);
  }
  expect(size()).toBeLessThanOrEqual(16);
  started.length = 0;
  ask('a', 3);
  await settle();
  for (let index = 0; index < 100; index += 1) ask(`other-${index}-`, 1);
  ask('a', 1);
  await settle();
  expect(started.filter((name) => name.startsWith('a'))).toEqual(['a0', 'a1', 'a2']);
});
