import { expect, test } from 'vitest';
import { createRollout } from '../../operator/enforcement/rollout.ts';
import { type EnforcedDigests, enforcedDigestsOf } from '../../operator/policy/enforced-digests.ts';
import type { CompiledPolicy, Snapshot } from '../../operator/policy/snapshot.ts';

/** Policies by `namespace/name` with their digests, and an origin that may call. */
function snapshot(policies: Readonly<Record<string, string>>, origin = 'https://o.example'): Snapshot {
  return {
    digest: JSON.stringify([policies, origin]),
    allowedOrigins: [origin],
    policies: new Map(Object.entries(policies).map(([key, digest]) => [key, policy(key, digest)])),
  } as unknown as Snapshot;
}

function policy(key: string, digest: string): CompiledPolicy {
  const [namespace, name] = key.split('/');
  return { namespace, name, digest } as CompiledPolicy;
}

/** A replica on which snapshots are put in force, and that sees what it and others say. */
function createReplica() {
  const rollout = createRollout();
  let digests: EnforcedDigests | undefined;
  return {
    ...rollout,
    enforce(...given: Parameters<typeof snapshot>): EnforcedDigests {
      const now = snapshot(...given);
      digests = enforcedDigestsOf(now);
      rollout.note(now, digests);
      return digests;
    },
    see(...others: readonly EnforcedDigests[]): void {
      rollout.see([...(digests === undefined ? [] : [digests]), ...others]);
    },
    has: (key: string, digest: string): boolean => rollout.hasReachedAll(policy(key, digest)),
  };
}

const said = (...given: Parameters<typeof snapshot>): EnforcedDigests =>
  enforcedDigestsOf(snapshot(...given));

test('nothing has reached all before anybody is seen', () => {
  const replica = createReplica();
  replica.enforce({ 'a/x': 'x1' });
  expect(replica.has('a/x', 'x1')).toBe(false);
  createRollout().see([]);
  expect(replica.has('a/x', 'x1')).toBe(false);
});

test('a configuration has reached all when every replica enforces it', () => {
  const replica = createReplica();
  const before = replica.enforce({ 'a/x': 'x1', 'a/y': 'y1' });
  replica.see(before);
  const after = replica.enforce({ 'a/x': 'x2', 'a/y': 'y1' });
  replica.see(before);
  expect(replica.has('a/x', 'x2')).toBe(false);
  expect(replica.has('a/y', 'y1')).toBe(true);
  replica.see(after);
  expect(replica.has('a/x', 'x2')).toBe(true);
});

test('a replica that is behind holds up only what it does not have', () => {
  const replica = createReplica();
  const before = replica.enforce({ 'a/x': 'x1' });
  replica.enforce({ 'a/x': 'x1', 'a/y': 'y1' });
  replica.see(before);
  expect(replica.has('a/x', 'x1')).toBe(true);
  expect(replica.has('a/y', 'y1')).toBe(false);
});

test('what was never in force here is understood namespace by namespace', () => {
  const replica = createReplica();
  replica.enforce({ 'a/x': 'x1', 'a/y': 'y1', 'b/z': 'z1' });
  replica.see(said({ 'a/x': 'x0', 'a/y': 'y1', 'b/z': 'z1' }));
  expect(replica.has('b/z', 'z1')).toBe(true);
  expect(replica.has('a/x', 'x1')).toBe(false);
  // It may well be the same there: that cannot be told.
  expect(replica.has('a/y', 'y1')).toBe(false);
});

test('however often a tenant changes its policies, those of others are not held up', () => {
  const replica = createReplica();
  for (let turn = 0; turn < 1_000; turn += 1) replica.enforce({ 'a/x': `x${turn}`, 'b/z': 'z1' });
  replica.see(said({ 'a/x': 'x0.5', 'b/z': 'z1' }));
  expect(replica.has('b/z', 'z1')).toBe(true);
  expect(replica.has('a/x', 'x999')).toBe(false);
});

test('a configuration that comes back has reached only those that have it', () => {
  const replica = createReplica();
  const first = replica.enforce({ 'a/x': 'x1' });
  const second = replica.enforce({ 'a/x': 'x2' });
  replica.enforce({ 'a/x': 'x1' });
  replica.see(second);
  expect(replica.has('a/x', 'x1')).toBe(false);
  replica.see(first);
  expect(replica.has('a/x', 'x1')).toBe(true);
});

test('who has other origins does not enforce the same, whatever the policies', () => {
  const replica = createReplica();
  const before = replica.enforce({ 'a/x': 'x1' });
  replica.see(before);
  expect(replica.has('a/x', 'x1')).toBe(true);
  const after = replica.enforce({ 'a/x': 'x1' }, 'https://p.example');
  replica.see(before);
  expect(replica.has('a/x', 'x1')).toBe(false);
  replica.see(after);
  expect(replica.has('a/x', 'x1')).toBe(true);
});

test('what has reached all stays so when a replica comes, and is forgotten when it is another', () => {
  const replica = createReplica();
  replica.enforce({ 'a/x': 'x1' });
  replica.see();
  replica.see({ snapshot: '', settings: '', groups: '' });
  expect(replica.has('a/x', 'x1')).toBe(true);
  replica.enforce({ 'a/x': 'x2' });
  expect(replica.has('a/x', 'x2')).toBe(false);
  replica.enforce({ 'a/x': 'x1' });
  expect(replica.has('a/x', 'x1')).toBe(false);
});

test('what had reached all before counts, until it changes', () => {
  const replica = createReplica();
  replica.trust([policy('a/x', 'x1'), policy('a/gone', 'g1')]);
  replica.enforce({ 'a/x': 'x1', 'a/y': 'y1' });
  replica.see(said({ 'a/x': 'x0', 'a/y': 'y0' }));
  expect(replica.has('a/x', 'x1')).toBe(true);
  expect(replica.has('a/y', 'y1')).toBe(false);
  expect(replica.has('a/gone', 'g1')).toBe(false);
  replica.enforce({ 'a/x': 'x2', 'a/y': 'y1' });
  expect(replica.has('a/x', 'x2')).toBe(false);
});

test('what we had long ago is not known any more', () => {
  const replica = createReplica();
  const all = Array.from({ length: 66 }, (_, turn) => replica.enforce({ 'a/x': 'x1', 'a/y': `y${turn}` }));
  replica.see(all[1] as EnforcedDigests);
  expect(replica.has('a/x', 'x1')).toBe(false);
  replica.see(all[2] as EnforcedDigests);
  expect(replica.has('a/x', 'x1')).toBe(true);
});
