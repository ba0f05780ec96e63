import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import type { OperatorProcess } from '../e2e/operator-process.ts';
import { isReady } from '../e2e/scenario.ts';
import { startSlowRequest } from '../fixtures/slow-request.ts';
import { calls, staleWrites, statusWrites } from './audit-log.ts';
import { type Installation, policyUnderLoad, startInstallation } from './installation.ts';
import { lasting, rowTimeoutMs, times, within } from './length.ts';
import { timeUntil } from './load.ts';
import { inSeconds, observe } from './observation.ts';
import { tell } from './reliability-table.ts';
import { restart } from './rolling-restart.ts';
import { audience, neighbour, tenant } from './tenants.ts';

const names = ['one', 'two', 'three'];
const manyCount = times({ short: 200, full: 1_000 });

describeWithCluster('faults of replicas', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(names);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  function replica(name: string): OperatorProcess {
    const found = installation.replicas.get(name);
    if (found === undefined) throw new Error(`there is no replica ${name}`);
    return found;
  }

  const urlOf = (name: string): string => `${replica(name).publicURL}/${tenant}/${policyUnderLoad}/mcp`;

  async function untilAnotherLeads(old: string, limitMs: number): Promise<number> {
    return await timeUntil('another replica leads', limitMs, async () => {
      const leader = await installation.leader();
      return leader !== '' && leader !== old;
    });
  }

  /** Takes a replica out of rotation as soon as it is not ready, as a balancer does. */
  async function untilNotReady(name: string): Promise<void> {
    await timeUntil(`${name} is not ready`, 10_000, async () => {
      const { status } = await fetch(`${replica(name).adminURL}/readyz`);
      return status === 503;
    });
    installation.inRotation.delete(name);
  }

  it('K16: the leader is paused', { timeout: rowTimeoutMs }, async () => {
    const { inRotation, leader } = installation;
    const pauseMs = lasting({ seconds: 25, full: 40 });
    await using observation = await observe(installation);
    const old = await leader();
    const entries = installation.audit.since();
    const startMs = performance.now();
    // Its readiness probe would not be answered.
    inRotation.delete(old);
    replica(old).signal('SIGSTOP');
    const failoverMs = await untilAnotherLeads(old, 30_000);
    const next = await leader();
    const meanwhileMs = await installation.timeUntilInForce(10_000);
    await delay(Math.max(0, pauseMs - (performance.now() - startMs)));
    const during = await observation.endFault();
    expect(during.failedGood.filter((answer) => !answer.includes(` ${old} `))).toEqual([]);

    replica(old).signal('SIGCONT');
    inRotation.add(old);
    const change = await installation.timeToChange(20_000);
    expect(await leader()).toBe(next);
    // What the old one had under way may still be sent: then it is refused, as it names the version that it was computed from.
    expect(staleWrites(entries())).toEqual([]);
    expect(statusWrites(entries()).length).toBeGreaterThan(0);
    expect(failoverMs).toBeLessThan(within(20_000));
    await observation.conclude({
      ...{ id: 'K16', fault: `Leader paused for ${pauseMs / 1000} s` },
      promised:
        'The others serve; another leads within 20 s; the old one overwrites nothing when it wakes up',
      ...{ during, change, recoveryLimitMs: 20_000 },
      more: `another leads after ${inSeconds(failoverMs)}; a change meanwhile is in force at the others after ${inSeconds(meanwhileMs)}`,
    });
  });

  it('P1: the leader is asked to stop', { timeout: rowTimeoutMs }, async () => {
    const { leader, tenants } = installation;
    await using observation = await observe(installation);
    const old = await leader();
    const slow = await Promise.all(
      Array.from({ length: 5 }, () => startSlowRequest(urlOf(old), tenants.token('good'))),
    );
    const ended = replica(old).stop();
    await untilNotReady(old);
    // Not ready, and still serving: who has not seen it yet is served.
    const late = await startSlowRequest(urlOf(old), tenants.token('good'));
    expect(await late.finish()).toBe('200');
    // Longer than the two seconds for which it still accepts.
    await delay(3_000);
    const answers = await Promise.all(slow.map((each) => each.finish()));
    expect(answers).toEqual(slow.map(() => '200'));
    expect(await ended).toBe(0);
    const failoverMs = await untilAnotherLeads(old, 15_000);
    expect(failoverMs).toBeLessThan(within(5_000));
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);

    await installation.start(old);
    const change = await installation.timeToChange(30_000);
    await observation.conclude({
      ...{ id: 'P1', fault: 'SIGTERM to the leader, with requests under way' },
      promised:
        'Readiness drops first; no request under way is lost; the Lease is released, and another leads within 5 s of the end',
      ...{ during, change, recoveryLimitMs: 30_000 },
      more: `${slow.length} requests under way: all answered; another leads ${inSeconds(failoverMs)} after the end`,
    });
  });

  it('P2: the leader is killed at a random moment while it writes', { timeout: rowTimeoutMs }, async () => {
    const { leader, inRotation } = installation;
    const kills = times({ short: 1, full: 3 });
    await using observation = await observe(installation);
    const moments: number[] = [];
    const failed: string[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const old = await leader();
      const momentMs = Math.round(Math.random() * 1_500);
      const applied = applyMany(20, `kill-${kill}`);
      await delay(momentMs);
      inRotation.delete(old);
      replica(old).signal('SIGKILL');
      moments.push(momentMs);
      await applied;
      await installation.start(old);
      await untilAllReady(45_000);
      failed.push(old);
    }
    const during = await observation.endFault();
    // What the killed one was just answering is lost with it.
    const elsewhere = during.failedGood.filter(
      (answer) => !failed.some((name) => answer.includes(` ${name} `)),
    );
    expect(elsewhere).toEqual([]);
    const change = await installation.timeToChange(15_000);
    await observation.conclude({
      ...{
        id: 'P2',
        fault: `kill -9 of the leader while statuses of 20 changes are written, ${kills} times`,
      },
      promised:
        'The others serve; every accepted change is in its status in the end; a change takes effect within 15 s',
      ...{ during, change, recoveryLimitMs: 15_000 },
      more: `killed after ${moments.join(', ')} ms`,
    });
  });

  it('P5: one replica after the other is restarted', { timeout: rowTimeoutMs }, async () => {
    await using observation = await observe(installation);
    for (const name of names) expect((await restart(installation, name)).code).toBe(0);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    const change = await installation.timeToChange(30_000);
    await observation.conclude({
      ...{ id: 'P5', fault: 'Rolling restart of all replicas, the same version' },
      promised: 'No failed good request',
      ...{ during, change, recoveryLimitMs: 30_000 },
    });
  });

  it('restart: all replicas start again with many ready policies', { timeout: rowTimeoutMs }, async () => {
    const { audit, replicas } = installation;
    // As many in one namespace, with those that are there, would be over its limit.
    for (const namespace of [tenant, neighbour]) await applyMany(manyCount / 2, 'many', namespace);
    await untilAllReady(90_000);
    // What callers have met with is written later than what users have changed.
    await delay(2_000);
    const entries = audit.since();
    await Promise.all([...replicas.values()].map((each) => each.stop()));
    const startMs = performance.now();
    await Promise.all(names.map((name) => installation.start(name)));
    const readyMs = performance.now() - startMs;
    const leaderMs = readyMs + (await untilAnotherLeads('', 30_000));
    await untilAllReady(30_000);
    // Long enough for a leader that would write.
    await delay(lasting({ seconds: 5, full: 15 }));
    expect(statusWrites(entries())).toEqual([]);
    await tell({
      ...{ id: 'restart', fault: `All replicas restart with more than ${manyCount} ready policies` },
      promised: 'No status write',
      measured: `status writes: 0; all ready after ${inSeconds(readyMs)}; one leads after ${inSeconds(leaderMs)}; other calls: ${calls(entries()).length}`,
    });
  });

  it('crash: others take the place of all replicas, and a policy has changed meanwhile', {
    timeout: rowTimeoutMs,
  }, async () => {
    const { audit, inRotation, apply, specOf, untilReady } = installation;
    const entries = audit.since();
    for (const name of names) {
      inRotation.delete(name);
      replica(name).signal('SIGKILL');
    }
    await apply('many-0', { ...specOf(tenant), audience: `${audience}/after-crash` });
    const others = names.map((name) => `another-${name}`);
    for (const name of others) await installation.start(name);
    // The Leases of those that were killed say for forty seconds what they enforced.
    const readyMs = await untilReady('many-0', 60_000);
    await delay(2_000);
    const written = statusWrites(entries()).map(({ objectRef }) => objectRef?.name);
    expect(new Set(written)).toEqual(new Set(['many-0']));
    await tell({
      ...{
        id: 'crash',
        fault: 'All replicas killed (kill -9); a policy is changed; others start in their place',
      },
      promised:
        'No status is written but that of the policy, which is ready when the old Leases have expired',
      measured: `statuses written: of 1 policy of more than ${manyCount}; it is ready after ${inSeconds(readyMs)}`,
    });
  });

  /** Applies policies of a tenant, all at once, each with an audience of its own that says which change it is. */
  async function applyMany(count: number, change: string, namespace = tenant): Promise<void> {
    const items = Array.from({ length: count }, (_, index) => ({
      ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy' },
      metadata: { name: `many-${index}`, namespace },
      spec: { ...installation.specOf(namespace), audience: `${audience}/${change}/${index}` },
    }));
    await installation.cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }

  async function untilAllReady(limitMs: number): Promise<void> {
    await timeUntil('all policies are ready', limitMs, async () => {
      const text = await installation.kubectl('get', 'mcpap', '--all-namespaces', '-o', 'json');
      const { items } = JSON.parse(text) as { readonly items: readonly McpAuthPolicy[] };
      return items.every(({ metadata: { generation = 0 }, status }) => {
        return status?.observedGeneration === generation && isReady({ generation, status });
      });
    });
  }
});
