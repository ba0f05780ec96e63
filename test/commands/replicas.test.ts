import { expect, test } from 'vitest';
import { joinReplicas, leaseNameOf, withoutReplicas } from '../../operator/commands/replicas.ts';
import { useApiBench } from '../controller/api-bench.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const use = useApiBench();
const enforced = { snapshot: 's', settings: 't', groups: 'g', configuration: 'c' };

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
  const told: unknown[] = [];
  const replicas = withoutReplicas({ onEnforced: (live) => told.push(live) });
  expect(replicas.isLeader()).toBe(true);
  replicas.publish(enforced);
  expect(told).toEqual([[enforced]]);
});

test('a replica that enforces nothing yet does not lead: it would have nothing to tell', async () => {
  const { api, clock, server } = use();
  const told: unknown[] = [];
  const replicas = joinReplicas({
    ...{ api, clock, namespace: 'ns', name: 'one', random: () => 0, log: recordLog() },
    onLeader: () => told.push('leader'),
    onEnforced: (live) => told.push(live),
  });
  await until(() => server.openWatches === 1);
  clock.advance(10_000);
  await settle();
  expect([replicas.isLeader(), server.requestsOf('create')]).toEqual([false, []]);

  replicas.publish(enforced);
  clock.advance(0);
  await until(() => replicas.isLeader() && told.length === 2);
  const { configuration: _, ...digests } = enforced;
  expect(told).toEqual(expect.arrayContaining(['leader', [digests]]));
  const stopped = replicas.stop();
  await settle();
  clock.advance(5_000);
  await stopped;
});
