import { expect, test } from 'vitest';
import { createReadiness } from '../../operator/commands/readiness.ts';
import type { PolicyReport } from '../../operator/enforcement/enforcement.ts';

const outcome = { namespace: 'a', name: 'x', generation: 1, sharesAudience: false };
const settled: PolicyReport = {
  outcome,
  observation: { issuer: { kind: 'failed', reason: 'Timeout' } },
  isSettled: false,
};
const waiting: PolicyReport = { outcome, observation: { issuer: { kind: 'pending' } }, isSettled: false };
const refused: PolicyReport = { outcome, isSettled: true };

function create() {
  let nowMs = 0;
  const clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => () => undefined };
  return {
    readiness: createReadiness(clock),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('not before there is a snapshot, however long it takes', () => {
  const { readiness, pass } = create();
  pass(3_600_000);
  expect(readiness.isReady()).toBe(false);
});

test('when every key source has been tried', () => {
  const { readiness } = create();
  readiness.note([settled, waiting]);
  expect(readiness.isReady()).toBe(false);
  readiness.note([settled, refused]);
  expect(readiness.isReady()).toBe(true);
});

test('an issuer that does not answer is waited for ten seconds', () => {
  const { readiness, pass } = create();
  readiness.note([waiting]);
  pass(9_999);
  expect(readiness.isReady()).toBe(false);
  pass(1);
  expect(readiness.isReady()).toBe(true);
});

test('kept once earned, until the end', () => {
  const { readiness } = create();
  readiness.note([]);
  readiness.note([waiting]);
  expect(readiness.isReady()).toBe(true);
  readiness.end();
  expect(readiness.isReady()).toBe(false);
});
