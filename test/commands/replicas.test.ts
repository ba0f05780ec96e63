import { expect, test } from 'vitest';
import { leaseNameOf, withoutReplicas } from '../../operator/commands/replicas.ts';

test.each([
  ['mcp-auth-operator-7d9c-abcde', 'mcp-auth-operator-replica-mcp-auth-operator-7d9c-abcde'],
  ['Some_Host.local', 'mcp-auth-operator-replica-some-host-local'],
  ['ends-', 'mcp-auth-operator-replica-ends'],
])('the Lease of %s has a name that Kubernetes takes', (replica, name) => {
  expect(leaseNameOf(replica)).toBe(name);
});

test('nor is it too long', () => {
  expect(leaseNameOf('x'.repeat(300))).toHaveLength(253);
});

test('the only replica leads, and what it enforces is enforced everywhere', () => {
  const told: (readonly string[])[] = [];
  const replicas = withoutReplicas({ onEnforced: (snapshots) => told.push(snapshots) });
  expect(replicas.isLeader()).toBe(true);
  replicas.publish({ snapshot: 's', configuration: 'c' });
  expect(told).toEqual([['s']]);
});
