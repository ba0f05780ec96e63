import { expect, test } from 'vitest';
import { startLeaseSweep } from '../../operator/controller/lease-sweep.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

function createScene() {
  const clock = createFakeClock();
  const removed: string[] = [];
  const asked: number[] = [];
  const state = { isLeader: true, fails: false };
  const stop = startLeaseSweep({
    api: {
      remove: async (path) => {
        removed.push(path);
        if (state.fails) throw new Error('gone');
      },
    },
    namespace: 'ns',
    abandoned: (ageMs) => {
      asked.push(ageMs);
      return ['old'];
    },
    isLeader: () => state.isLeader,
    clock,
    log: recordLog(),
  });
  return { clock, removed, asked, state, stop };
}

const path = '/apis/coordination.k8s.io/v1/namespaces/ns/leases/old';

test('the leader removes every ten minutes what was not renewed for ten minutes', async () => {
  const { clock, removed, asked, stop } = createScene();
  clock.advance(599_999);
  expect(removed).toEqual([]);
  clock.advance(1);
  clock.advance(600_000);
  await settle();
  expect(removed).toEqual([path, path]);
  expect(asked).toEqual([600_000, 600_000]);
  stop();
  clock.advance(3_600_000);
  expect(removed).toHaveLength(2);
});

test('another replica removes nothing', () => {
  const { clock, removed, state, stop } = createScene();
  state.isLeader = false;
  clock.advance(600_000);
  expect(removed).toEqual([]);
  stop();
});

test('a failure is no matter', async () => {
  const { clock, removed, state, stop } = createScene();
  state.fails = true;
  clock.advance(600_000);
  await settle();
  clock.advance(600_000);
  await settle();
  expect(removed).toHaveLength(2);
  stop();
});
