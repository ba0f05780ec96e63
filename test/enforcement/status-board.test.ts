import { expect, test } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import type { PolicyReport } from '../../operator/enforcement/enforcement.ts';
import { createStatusBoard, type Told } from '../../operator/enforcement/status-board.ts';
import type { CompiledPolicy } from '../../operator/policy/snapshot.ts';
import { holdClock } from '../fixtures/held-clock.ts';

const object: UntypedObject = {
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'McpAuthPolicy',
  metadata: { namespace: 'a', name: 'x', generation: 1, uid: 'u1' },
  spec: {},
};
const outcome = { namespace: 'a', name: 'x', generation: 1, sharesAudience: false };
const observation = {
  issuer: { kind: 'loaded', keys: 1, keySetDigest: 'k' },
  selfTest: { kind: 'tested', result: { configDigest: 'c'.repeat(64), checks: 5, failed: [] } },
} as const;
const settled: PolicyReport = { outcome, observation, isSettled: true };

function createBoard(nowMs: number, isAuthor = true) {
  const told: ({ status: McpAuthPolicyStatus } & Told)[] = [];
  const board = createStatusBoard({
    clock: holdClock(nowMs),
    operatorVersion: '1.2.3',
    isAuthor: () => isAuthor,
    onStatus: (_, status, how) => told.push({ status, ...how }),
    onBug(_, error) {
      throw error;
    },
  });
  return { board, told };
}

test('nothing is said before there is something to say', () => {
  const { board, told } = createBoard(0);
  board.update([object], [{ outcome, isSettled: false }]);
  expect(told).toEqual([]);
  expect(board.list()).toEqual([
    {
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: { name: 'x', namespace: 'a', generation: 1 },
      spec: {},
      status: undefined,
    },
  ]);
});

test('a status that does not change is new only once', () => {
  const { board, told } = createBoard(0);
  board.update([object], [settled]);
  board.update([object], [settled]);
  expect(told.map(({ isNew }) => isNew)).toEqual([true, false]);
});

test('after a restart the stored status is the one before: nothing new, times kept', () => {
  const first = createBoard(Date.parse('2026-01-01T00:00:00Z'));
  first.board.update([object], [settled]);
  const stored = first.told[0]?.status;
  const second = createBoard(Date.parse('2026-02-01T00:00:00Z'));
  second.board.update([{ ...object, status: stored }], [settled]);
  expect(second.told[0]?.status).toEqual(stored);
});

const compiled = { digest: 'd'.repeat(64), resource: 'r' } as CompiledPolicy;
const waiting: PolicyReport = {
  outcome,
  compiled,
  observation: {
    issuer: { kind: 'pending' },
    selfTest: { kind: 'tested', result: { configDigest: compiled.digest, checks: 5, failed: [] } },
  },
  isSettled: false,
};

test.each<[string, PolicyReport]>([
  ['whose keys are not held yet', waiting],
  ['that is not tested yet', { ...waiting, observation: { issuer: observation.issuer } }],
])('another configuration %s is not ready, whatever was said of the last one', (_, report) => {
  const { board, told } = createBoard(0);
  board.update([object], [settled]);
  board.update([object], [report]);
  const ready = told.at(-1)?.status.conditions?.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ status: 'False', reason: 'Pending' });
});

test('after a restart the status of the same configuration stands while its keys are asked for', () => {
  const { board, told } = createBoard(0);
  const verification = {
    configDigest: 'd'.repeat(16),
    operatorVersion: '1.2.3',
    checks: 5,
    failed: [],
    time: 't',
  };
  board.update([{ ...object, status: { verification } }], [waiting]);
  expect(told).toEqual([]);
});

test.each([
  ['stands for the same generation, until this version has tested it', 1, 0],
  ['does not stand for another generation', 0, 1],
])('what another version of the operator has said %s', (_, generation, count) => {
  const { board, told } = createBoard(0);
  const verification = { ...tested, configDigest: 'e'.repeat(16), operatorVersion: '1.2.2' };
  const times = { lastTransitionTime: 't', observedGeneration: generation };
  const conditions = [{ type: 'Verified', status: 'True', reason: 'Passed', message: '', ...times }];
  board.update([{ ...object, status: { conditions, verification } }], [waiting]);
  expect(told).toHaveLength(count);
});

test('a policy that was deleted and made again inherits nothing', () => {
  const { board, told } = createBoard(0);
  board.update([object], [settled]);
  board.update([{ ...object, metadata: { ...object.metadata, uid: 'u2' } }], [{ outcome, isSettled: false }]);
  expect(told).toHaveLength(1);
  expect(board.list()[0]?.status).toBeUndefined();
});

test.each([
  ['text'],
  [[]],
  [{ conditions: 'x', verification: 7 }],
  [{ conditions: [null, { type: 7 }], verification: { time: 1 } }],
])('a stored status of another shape (%j) counts for nothing', (status) => {
  const { board, told } = createBoard(Date.parse('2026-01-01T00:00:00Z'));
  board.update([{ ...object, status }], [settled]);
  expect(told[0]?.status.verification?.time).toBe('2026-01-01T00:00:00Z');
});

const tested = {
  configDigest: 'c'.repeat(16),
  operatorVersion: '1.2.3',
  checks: 5,
  failed: [],
  time: '2026-01-01T00:00:00Z',
};

function statusAfter(stored: object): McpAuthPolicyStatus['verification'] {
  const { board, told } = createBoard(Date.parse('2026-02-01T00:00:00Z'));
  board.update([{ ...object, status: { verification: { ...tested, ...stored } } }], [settled]);
  return told[0]?.status.verification;
}

test('after a restart it is still known what callers met with', () => {
  const facts = {
    firstAcceptedTime: '2026-01-02T00:00:00Z',
    rejections: { reason: 'token_expired', since: '2026-01-03T00:00:00Z' },
  };
  expect(statusAfter(facts)).toEqual({ ...tested, ...facts });
});

test.each([
  [{ firstAcceptedTime: 7 }],
  [{ firstAcceptedTime: 'yesterday' }],
  [{ firstAcceptedTime: '2026-13-01T00:00:00Z' }],
  [{ firstAcceptedTime: '2026-02-30T00:00:00Z' }],
  [{ firstAcceptedTime: '2 Jan 2026' }],
  [{ rejections: 'token_expired' }],
  [{ rejections: [] }],
  [{ rejections: null }],
  [{ rejections: { reason: 'token_expired' } }],
  [{ rejections: { reason: 'token_expired', since: 'long ago' } }],
  [{ rejections: { reason: 'hacked', since: '2026-01-03T00:00:00Z' } }],
  [{ rejections: { reason: 'none', since: '2026-01-03T00:00:00Z' } }],
  [{ rejections: { reason: 'toString', since: '2026-01-03T00:00:00Z' } }],
  [{ rejections: { reason: ['token_expired'], since: '2026-01-03T00:00:00Z' } }],
])('a stored fact of another shape (%j) counts for nothing, the rest of it does', (facts) => {
  expect(statusAfter(facts)).toEqual(tested);
});

test('a stored status that claims success for another configuration counts for nothing', () => {
  const { board, told } = createBoard(Date.parse('2026-01-01T00:00:00Z'));
  const verification = {
    configDigest: 'ffff',
    operatorVersion: '1.2.3',
    checks: 5,
    failed: [],
    time: '2020-01-01T00:00:00Z',
  };
  const result = { ...observation.selfTest.result, failed: [{ name: 'expired', decision: 'admitted' }] };
  const failing: PolicyReport = {
    ...settled,
    observation: { ...observation, selfTest: { kind: 'tested', result } },
  };
  board.update([{ ...object, status: { verification } }], [failing]);
  expect(told[0]?.status.verification).toMatchObject({ failed: ['expired'], time: '2026-01-01T00:00:00Z' });
});

test('a replica that does not write goes by what the writer has stored, so that it can take over silently', () => {
  const writer = createBoard(Date.parse('2026-01-01T00:00:00Z'));
  writer.board.update([object], [settled]);
  const stored = writer.told[0]?.status;
  const follower = createBoard(Date.parse('2026-02-01T00:00:00Z'), false);
  follower.board.update([object], [settled]);
  follower.board.update([{ ...object, status: stored }], [settled]);
  expect(follower.told[0]?.status).not.toEqual(stored);
  expect(follower.told.at(-1)?.status).toEqual(stored);
});

const edited = { ...object, metadata: { ...object.metadata, generation: 2 } };
const recreated = { ...object, metadata: { ...object.metadata, uid: 'u2' } };
const enforced = (digest: string): PolicyReport => ({ ...settled, compiled: { ...compiled, digest } });

test.each<[string, UntypedObject, PolicyReport]>([
  ['edited', edited, enforced('d1')],
  ['deleted and made again', recreated, enforced('d1')],
  ['changed by a ConfigMap or the administrator', object, enforced('d2')],
])('a policy that was %s is no retelling any more, not even as it was before', (_, changed, report) => {
  const { board, told } = createBoard(0);
  board.update([object], [enforced('d1')]);
  board.update([object], [{ ...enforced('d1'), observation: { issuer: { kind: 'pending' } } }]);
  board.update([changed], [report]);
  board.update([object], [enforced('d1')]);
  expect(told.map(({ isRetold }) => isRetold)).toEqual([true, true, false, false]);
});

test('a policy that comes after the telling has begun is no retelling, until it begins anew', () => {
  const { board, told } = createBoard(0);
  board.update([], []);
  board.update([object], [settled]);
  board.tellAnew();
  board.update([object], [settled]);
  expect(told.map(({ isRetold }) => isRetold)).toEqual([false, true]);
});
