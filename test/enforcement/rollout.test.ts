import { expect, test } from 'vitest';
import { createRollout } from '../../operator/enforcement/rollout.ts';
import type { CompiledPolicy, Snapshot } from '../../operator/policy/snapshot.ts';

/** A snapshot of policies `a/<name>` by their digests. */
function snapshot(digest: string, policies: Readonly<Record<string, string>>): Snapshot {
  const compiled = Object.entries(policies).map(([name, own]) => policy(name, own));
  return {
    digest,
    policies: new Map(compiled.map((one) => [`a/${one.name}`, one])),
  } as unknown as Snapshot;
}

function policy(name: string, digest: string): CompiledPolicy {
  return { namespace: 'a', name, digest } as CompiledPolicy;
}

test('nothing has reached all before anybody is seen', () => {
  const rollout = createRollout();
  rollout.note(snapshot('s1', { x: 'x1' }));
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(false);
  rollout.see([]);
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(false);
});

test('a configuration has reached all when every replica says a snapshot that holds it', () => {
  const rollout = createRollout();
  rollout.note(snapshot('s1', { x: 'x1', y: 'y1' }));
  rollout.see(['s1', 's1']);
  rollout.note(snapshot('s2', { x: 'x2', y: 'y1' }));
  rollout.see(['s2', 's1']);
  expect(rollout.hasReachedAll(policy('x', 'x2'))).toBe(false);
  expect(rollout.hasReachedAll(policy('y', 'y1'))).toBe(true);
  rollout.see(['s2', 's2']);
  expect(rollout.hasReachedAll(policy('x', 'x2'))).toBe(true);
});

test('a replica that is behind holds up only what it does not have', () => {
  const rollout = createRollout();
  rollout.note(snapshot('s1', { x: 'x1' }));
  rollout.note(snapshot('s2', { x: 'x1', y: 'y1' }));
  rollout.see(['s2', 's1']);
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(true);
  expect(rollout.hasReachedAll(policy('y', 'y1'))).toBe(false);
});

test('a replica whose snapshot was never ours holds up everything that has not been everywhere', () => {
  const rollout = createRollout();
  rollout.note(snapshot('s1', { x: 'x1' }));
  rollout.see(['s1', 'unknown']);
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(false);
});

test('what has reached all stays so when a replica comes, and is forgotten when it is another', () => {
  const rollout = createRollout();
  rollout.note(snapshot('s1', { x: 'x1' }));
  rollout.see(['s1']);
  rollout.see(['s1', 'unknown']);
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(true);
  rollout.note(snapshot('s2', { x: 'x2' }));
  expect(rollout.hasReachedAll(policy('x', 'x2'))).toBe(false);
  rollout.note(snapshot('s1', { x: 'x1' }));
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(false);
});

test('what we had long ago is not known any more', () => {
  const rollout = createRollout();
  rollout.note(snapshot('s0', { x: 'x1' }));
  for (let index = 1; index <= 64; index += 1)
    rollout.note(snapshot(`s${index}`, { x: 'x1', y: `y${index}` }));
  rollout.see(['s64', 's0']);
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(false);
  rollout.see(['s64', 's1']);
  expect(rollout.hasReachedAll(policy('x', 'x1'))).toBe(true);
});
