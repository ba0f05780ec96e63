import { expect, test } from 'vitest';
import { createCallerMemory } from '../../operator/enforcement/caller-memory.ts';
import type { CallerFacts } from '../../operator/policy/observation.ts';
import type { CompiledPolicy, Snapshot } from '../../operator/policy/snapshot.ts';
import { denials } from '../../operator/verify/denial.ts';
import { createFakeClock } from '../fixtures/fake-clock.ts';

const policyCalled = (name: string, mode = 'OIDC'): CompiledPolicy =>
  ({ namespace: 'a', name, digest: `digest of ${name}`, verifier: { mode } }) as CompiledPolicy;
const x = policyCalled('x');
const y = policyCalled('y');
const second = 1000;
const minute = 60 * second;

function snapshotOf(...policies: readonly CompiledPolicy[]): Snapshot {
  return { policies: new Map(policies.map((policy) => [policy.name, policy])) } as unknown as Snapshot;
}

function createMemory(...policies: readonly CompiledPolicy[]) {
  const clock = createFakeClock();
  const told: (CallerFacts | undefined)[] = [];
  const memory = createCallerMemory(clock, () => told.push(memory.factsOf(x)));
  memory.keepOnly(snapshotOf(...(policies.length === 0 ? [x] : policies)));
  return { clock, told, memory };
}

const rejects = (dominantRejection: string): CallerFacts => ({ hasAccepted: false, dominantRejection });

test('nothing is known of a configuration that nobody has called', () => {
  const { clock, told, memory } = createMemory();
  expect(memory.factsOf(x)).toEqual({ hasAccepted: false });
  clock.advance(60 * minute);
  expect([told, clock.pending()]).toEqual([[], []]);
});

test('the first admission is told, soon and once', () => {
  const { clock, told, memory } = createMemory();
  for (let count = 0; count < 100; count += 1) memory.note('admitted', x);
  expect(memory.factsOf(x)).toEqual({ hasAccepted: true });
  expect(told).toEqual([]);
  clock.advance(1 * second);
  expect(told).toEqual([{ hasAccepted: true }]);
  memory.note('admitted', x);
  clock.advance(9 * minute);
  expect(told).toHaveLength(1);
});

test.each(['admitted', 'token_expired'] as const)(
  'many policies that meet with %s are told of at most once a second',
  (reason) => {
    const policies = Array.from({ length: 50 }, (_, index) => policyCalled(`p${index}`));
    const { clock, told, memory } = createMemory(...policies);
    for (const policy of policies) {
      memory.note(reason, policy);
      clock.advance(100);
    }
    clock.advance(1 * minute);
    expect(told.length).toBeGreaterThan(3);
    expect(told.length).toBeLessThanOrEqual(6);
    const facts = reason === 'admitted' ? { hasAccepted: true } : rejects(reason);
    expect(policies.map((policy) => memory.factsOf(policy))).toEqual(policies.map(() => facts));
  },
);

test('half a minute after the first rejection the most frequent reason is told', () => {
  const { clock, told, memory } = createMemory();
  memory.note('token_expired', x);
  for (let count = 0; count < 3; count += 1) memory.note('audience_mismatch', x);
  memory.note('token_expired', x);
  clock.advance(30 * second - 1);
  expect([told, memory.factsOf(x)]).toEqual([[], { hasAccepted: false }]);
  clock.advance(1);
  expect(told).toEqual([rejects('audience_mismatch')]);
});

test('the next look is ten minutes later and counts only what came since', () => {
  const { clock, told, memory } = createMemory();
  for (let count = 0; count < 10; count += 1) memory.note('token_expired', x);
  clock.advance(30 * second);
  memory.note('issuer_mismatch', x);
  clock.advance(10 * minute - 1);
  expect(told).toEqual([rejects('token_expired')]);
  clock.advance(1);
  expect(told).toEqual([rejects('token_expired'), rejects('issuer_mismatch')]);
});

test('after a quiet time half a minute is enough again', () => {
  const { clock, told, memory } = createMemory();
  memory.note('token_expired', x);
  clock.advance(60 * minute);
  memory.note('issuer_mismatch', x);
  clock.advance(30 * second);
  expect(told.at(-1)).toEqual(rejects('issuer_mismatch'));
});

test('after a time with admissions alone as well', () => {
  const { clock, told, memory } = createMemory();
  for (let round = 0; round < 25; round += 1) {
    memory.note('admitted', x);
    clock.advance(1 * minute);
  }
  memory.note('issuer_mismatch', x);
  clock.advance(30 * second);
  expect(told.at(-1)).toEqual({ hasAccepted: true, dominantRejection: 'issuer_mismatch' });
});

test('what stays the same is not told again', () => {
  const { clock, told, memory } = createMemory();
  for (let count = 0; count < 100; count += 1) {
    memory.note('token_expired', x);
    clock.advance(1 * minute);
  }
  expect(told).toEqual([rejects('token_expired')]);
});

test('of equally frequent reasons the one that is shown stays, else the first by name is taken', () => {
  const { clock, told, memory } = createMemory();
  const note = (...reasons: readonly ('token_expired' | 'claim_invalid' | 'audience_mismatch')[]): void => {
    for (const reason of reasons) memory.note(reason, x);
    clock.advance(11 * minute);
  };
  note('token_expired', 'claim_invalid');
  expect(told.at(-1)).toEqual(rejects('claim_invalid'));
  note('token_expired', 'claim_invalid', 'audience_mismatch');
  expect(told.at(-1)).toEqual(rejects('claim_invalid'));
  note('token_expired', 'audience_mismatch');
  expect(told.at(-1)).toEqual(rejects('audience_mismatch'));
});

test('no token at all, and what is no denial of credentials, is no rejection', () => {
  const { clock, told, memory } = createMemory();
  for (const reason of ['token_missing', 'keys_unavailable', 'overloaded', 'metadata', 'not_ready'] as const)
    memory.note(reason, x);
  memory.note('path_not_found', undefined);
  memory.note('request_invalid', undefined);
  expect(clock.pending()).toEqual([]);
  clock.advance(60 * minute);
  expect([told, memory.factsOf(x)]).toEqual([[], { hasAccepted: false }]);
});

test('ten minutes with admissions alone take back what was shown; without callers it stays', () => {
  const { clock, told, memory } = createMemory();
  memory.note('token_expired', x);
  clock.advance(60 * minute);
  expect(told).toEqual([rejects('token_expired')]);
  memory.note('admitted', x);
  clock.advance(10 * minute);
  expect(told.slice(1)).toEqual([
    { hasAccepted: true, dominantRejection: 'token_expired' },
    { hasAccepted: true, dominantRejection: 'none' },
  ]);
  memory.note('admitted', x);
  clock.advance(60 * minute);
  expect(told).toHaveLength(3);
  expect(clock.pending()).toEqual([]);
});

test('a rejection among admissions is enough for the reason to stay', () => {
  const { clock, told, memory } = createMemory();
  memory.note('token_expired', x);
  clock.advance(30 * second);
  for (let round = 0; round < 60; round += 1) {
    memory.note('admitted', x);
    if (round % 9 === 0) memory.note('token_expired', x);
    clock.advance(1 * minute);
  }
  expect(told.map((facts) => facts?.dominantRejection)).toEqual(['token_expired', 'token_expired']);
});

test('after a restart admissions alone take ten minutes to say that nothing is to be shown', () => {
  const { clock, memory } = createMemory();
  memory.note('admitted', x);
  clock.advance(10 * minute - 1);
  expect(memory.factsOf(x)).toEqual({ hasAccepted: true });
  clock.advance(1);
  expect(memory.factsOf(x)).toEqual({ hasAccepted: true, dominantRejection: 'none' });
});

test('100,000 rejections of every kind within an hour change what is shown no more than seven times', () => {
  const { clock, told, memory } = createMemory();
  const reasons = Object.keys(denials) as (keyof typeof denials)[];
  let changes = 0;
  let shown: string | undefined;
  for (let count = 0; count < 100_000; count += 1) {
    // Another kind from each look to the next, so that there is something to tell as often as can be.
    const wave = Math.ceil((count * 36 - 30 * second) / (10 * minute));
    memory.note(reasons[count % 3 === 0 ? count % reasons.length : wave + 1] ?? 'token_expired', x);
    if (count % 10 === 0) memory.note('admitted', x);
    clock.advance(36);
    const now = memory.factsOf(x)?.dominantRejection;
    if (now !== shown) changes += 1;
    shown = now;
  }
  expect(changes).toBeGreaterThan(4);
  expect(changes).toBeLessThanOrEqual(7);
  // One more for the first admission.
  expect(told).toHaveLength(changes + 1);
});

test('each policy has its own facts, and one timer is enough for all', () => {
  const { clock, memory } = createMemory(x, y);
  memory.note('token_expired', x);
  clock.advance(10 * second);
  memory.note('issuer_mismatch', y);
  memory.note('admitted', y);
  expect(clock.pending()).toHaveLength(1);
  clock.advance(20 * second);
  expect([memory.factsOf(x), memory.factsOf(y)]).toEqual([rejects('token_expired'), { hasAccepted: true }]);
  expect(clock.pending()).toEqual([10 * second]);
  clock.advance(10 * second);
  expect(memory.factsOf(y)).toEqual({ hasAccepted: true, dominantRejection: 'issuer_mismatch' });
  expect(clock.pending()).toEqual([]);
});

test('a configuration that is enforced no more is forgotten, whatever comes of it late', () => {
  const { clock, told, memory } = createMemory(x, y);
  memory.note('token_expired', x);
  memory.note('admitted', x);
  memory.note('admitted', y);
  const edited = { ...x, digest: 'another' };
  memory.keepOnly(snapshotOf(edited, y));
  memory.note('token_expired', x);
  expect([memory.factsOf(x), memory.factsOf(edited), memory.factsOf(y)]).toEqual([
    undefined,
    { hasAccepted: false },
    { hasAccepted: true },
  ]);
  memory.keepOnly(snapshotOf(x));
  clock.advance(30 * second);
  expect(memory.factsOf(x)).toEqual({ hasAccepted: false });
  expect(told).toHaveLength(1);
});

test('nothing is kept of a policy that denies', () => {
  const denying = policyCalled('denying', 'deny');
  const { memory } = createMemory(denying);
  memory.note('policy_denies', denying);
  expect(memory.factsOf(denying)).toBeUndefined();
});

test('once closed it has no timer, whoever still calls', () => {
  const { clock, told, memory } = createMemory();
  memory.note('admitted', x);
  memory.close();
  memory.note('token_expired', x);
  expect(clock.pending()).toEqual([]);
  clock.advance(60 * minute);
  expect(told).toEqual([]);
});
