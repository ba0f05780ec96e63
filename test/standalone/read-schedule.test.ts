import { expect, test } from 'vitest';
import { createReadSchedule, type ReadSchedule } from '../../operator/standalone/read-schedule.ts';
import type { Clock } from '../../operator/time/clock.ts';

interface Rig extends ReadSchedule {
  /** The waiting times that run, in milliseconds. */
  waiting(): readonly number[];
  /** How many waiting times there have been. */
  begun(): number;
  /** Lets the first waiting time pass. */
  pass(): void;
  reads(): number;
  /** Ends the read that is under way. */
  endRead(): Promise<void>;
}

function createRig(): Rig {
  const timers = new Set<{ readonly ms: number; readonly task: () => void }>();
  let begun = 0;
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after(ms, task) {
      const timer = { ms, task };
      timers.add(timer);
      begun += 1;
      return () => timers.delete(timer);
    },
  };
  let reads = 0;
  let end = (): void => {};
  const schedule = createReadSchedule(clock, () => {
    reads += 1;
    return new Promise((resolve) => {
      end = resolve;
    });
  });
  return {
    ...schedule,
    waiting: () => [...timers].map(({ ms }) => ms),
    begun: () => begun,
    pass() {
      const [timer = expect.fail('nothing waits')] = timers;
      timers.delete(timer);
      timer.task();
    },
    reads: () => reads,
    async endRead() {
      end();
      await new Promise(setImmediate);
    },
  };
}

test('reads nothing on its own', () => {
  const { waiting } = createRig();
  expect(waiting()).toEqual([]);
});

test('many events are one read, which the later ones do not put off', async () => {
  const { readSoon, waiting, begun, pass, reads, endRead } = createRig();
  for (let i = 0; i < 5; i += 1) readSoon();
  expect(waiting()).toEqual([100]);
  expect(begun()).toBe(1);
  pass();
  await endRead();
  expect(reads()).toBe(1);
});

test('after a read it polls, until an event comes first', async () => {
  const { readSoon, waiting, pass, reads, endRead } = createRig();
  readSoon();
  pass();
  await endRead();
  expect(waiting()).toEqual([10_000]);
  pass();
  await endRead();
  expect(reads()).toBe(2);
  readSoon();
  expect(waiting()).toEqual([100]);
});

test('an event during a read is read after it, never beside it', async () => {
  const { readSoon, waiting, pass, endRead } = createRig();
  readSoon();
  pass();
  readSoon();
  expect(waiting()).toEqual([]);
  await endRead();
  expect(waiting()).toEqual([100]);
});

test('closed, it waits for nothing any more', async () => {
  const { readSoon, waiting, pass, endRead, close } = createRig();
  readSoon();
  pass();
  close();
  readSoon();
  await endRead();
  expect(waiting()).toEqual([]);

  const early = createRig();
  early.readSoon();
  early.close();
  expect(early.waiting()).toEqual([]);

  const late = createRig();
  late.close();
  late.readSoon();
  expect(late.waiting()).toEqual([]);
});
