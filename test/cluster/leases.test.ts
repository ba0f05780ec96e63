import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { type LeaderElection, startLeaderElection } from '../../operator/controller/leader-election.ts';
import type { LeaseSpec } from '../../operator/controller/lease.ts';
import { configurationDigest, snapshotDigest } from '../../operator/controller/replica-content.ts';
import { startReplicaLease } from '../../operator/controller/replica-lease.ts';
import type { LiveReplica } from '../../operator/controller/replica-view.ts';
import { startReplicaWatch } from '../../operator/controller/replica-watch.ts';
import { leases, objectPath } from '../../operator/controller/resource.ts';
import { createHurriedClock, type HurriedClock } from '../fixtures/hurried-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeWithCluster } from './require-cluster.ts';

const namespace = 'operator';
const user = 'tenant-a';
const microTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

/** All that the operator may do with Leases, as the user of these tests. */
const permissions = `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: leases, namespace: ${namespace} }
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [get, list, watch, create, update, patch, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: leases, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: leases }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: User, name: ${user} }]
`;

interface Candidate {
  readonly identity: string;
  readonly election: LeaderElection;
  readonly log: ReturnType<typeof recordLog>;
  /** How many calls it has made. */
  calls: number;
  /** When its last write began that reached the API server. */
  wroteAtMs: number;
  /** Whether nothing that it sends arrives. */
  isCut: boolean;
  /** How far its clock is ahead, for it was paused so long. */
  pausedMs: number;
}

describeWithCluster('the Leases', () => {
  const candidates: Candidate[] = [];
  const apis: KubeApi[] = [];
  /** What all candidates were told, in order. */
  let told: { readonly identity: string; readonly isLeader: boolean; readonly atMs: number }[] = [];
  let cluster: ControlPlane;
  let clock: HurriedClock;
  let callsUnderWay = 0;
  /** A Lease for each test. */
  let name = '';
  let tests = 0;

  beforeAll(async () => {
    cluster = await startControlPlane();
    await cluster.apply(permissions);
    // The API server's authorizer sees them a moment later.
    const ask = ['auth', 'can-i', 'create', 'leases', '--namespace', namespace];
    await eventually(async () => expect((await cluster.kubectl(ask, { user })).stdout.trim()).toBe('yes'));
  });

  afterEach(async () => {
    await Promise.all(candidates.splice(0).map(({ election }) => election.stop()));
    for (const api of apis.splice(0)) api.close();
  });

  afterAll(() => cluster?.stop());

  /** A connection of its own. */
  function connect(): KubeApi {
    const api = connectToCluster({ kubeconfig: cluster.kubeconfigFor(user), clock });
    apis.push(api);
    return api;
  }

  function begin(): void {
    clock = createHurriedClock();
    told = [];
    tests += 1;
    name = `lease-${tests}`;
  }

  async function counted<T>(call: Promise<T>): Promise<T> {
    callsUnderWay += 1;
    return call.finally(() => {
      callsUnderWay -= 1;
    });
  }

  function enter(identity: string): Candidate {
    const state = { identity, calls: 0, wroteAtMs: 0, isCut: false, pausedMs: 0 };
    const log = recordLog();
    const api = connect();
    async function send<T>(call: () => Promise<T>): Promise<T> {
      state.calls += 1;
      if (state.isCut) throw new Error('cut off');
      return counted(call());
    }
    const election = startLeaderElection({
      api: {
        get: (...args) => send(() => api.get(...args)),
        create: (...args) => send(() => api.create(...args)),
        update(...args) {
          if (!state.isCut) state.wroteAtMs = clock.monotonicMs();
          return send(() => api.update(...args));
        },
      },
      clock: { ...clock, monotonicMs: () => clock.monotonicMs() + state.pausedMs },
      ...{ namespace, name, identity, random: Math.random, log },
      onChange: (isLeader) => told.push({ identity, isLeader, atMs: clock.monotonicMs() }),
    });
    const candidate: Candidate = Object.assign(state, { election, log });
    candidates.push(candidate);
    return candidate;
  }

  const eventually = (check: () => void | Promise<void>): Promise<void> =>
    vi.waitFor(check, { timeout: 60_000, interval: 10 });

  /** Lets time pass quickly, but not while an answer is waited for: calls keep all of their time. */
  const hurryUntil = (condition: () => boolean): Promise<void> =>
    eventually(() => {
      if (condition()) return;
      if (callsUnderWay === 0) clock.hurry(250);
      expect.unreachable(`until ${condition}`);
    });

  async function stored(): Promise<{ readonly spec: LeaseSpec; readonly metadata: object }> {
    const lease = await connect().get(objectPath(leases, { namespace, name }));
    return lease as { spec: LeaseSpec; metadata: object };
  }

  const changes = (): readonly string[] =>
    told.map(({ identity, isLeader }) => `${identity} ${isLeader ? 'leads' : 'does not lead'}`);

  it('make one of several leader that come at once, and it stays', async () => {
    begin();
    const all = ['a', 'b', 'c', 'd'].map(enter);
    await hurryUntil(() => all.every(({ calls }) => calls >= 10));
    expect(changes()).toEqual([expect.stringMatching(/^[abcd] leads$/)]);
    expect(all.filter(({ election }) => election.isLeader())).toHaveLength(1);
    expect((await stored()).spec).toEqual({
      ...{ holderIdentity: told[0]?.identity, leaseDurationSeconds: 15, leaseTransitions: 0 },
      ...{ acquireTime: microTime, renewTime: microTime },
    });
    expect(all.flatMap(({ log }) => log.lines).map(({ message }) => message)).toEqual([
      'this replica is the leader',
    ]);
  });

  it('pass to another in its next round when the leader stops', async () => {
    begin();
    const a = enter('a');
    await hurryUntil(() => a.election.isLeader());
    const b = enter('b');
    await hurryUntil(() => b.calls >= 2 && callsUnderWay === 0);

    await a.election.stop();

    expect((await stored()).spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    const calls = b.calls;
    await hurryUntil(() => b.election.isLeader());
    expect(changes()).toEqual(['a leads', 'a does not lead', 'b leads']);
    // One to read and one to write, or one more if it was reading when the other stopped.
    expect(b.calls - calls).toBeLessThanOrEqual(3);
    expect((await stored()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('pass to another 15 s after the last renewal of a leader that is cut off, and has given up before', async () => {
    begin();
    const a = enter('a');
    await hurryUntil(() => a.election.isLeader());
    const b = enter('b');
    await hurryUntil(() => b.calls >= 3);

    a.isCut = true;

    await hurryUntil(() => b.election.isLeader());
    expect(changes()).toEqual(['a leads', 'a does not lead', 'b leads']);
    expect((told[2]?.atMs ?? 0) - a.wroteAtMs).toBeGreaterThanOrEqual(15_000);
    expect(a.election.isLeader()).toBe(false);

    a.isCut = false;
    const calls = a.calls;
    await hurryUntil(() => a.calls >= calls + 3);
    expect(changes()).toHaveLength(3);
    expect((await stored()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('do not make a leader of one that wakes up from a pause', async () => {
    begin();
    const a = enter('a');
    await hurryUntil(() => a.election.isLeader());
    a.pausedMs = 10_000;
    expect(a.election.isLeader()).toBe(false);
  });

  it('say what a replica enforces, as long as it runs', async () => {
    begin();
    const given = { namespace, labels: { app: 'mcp' }, clock, random: Math.random, log: recordLog() };
    let live: readonly LiveReplica[] | undefined;
    const watch = startReplicaWatch({
      ...{ ...given, api: connect() },
      onChange(replicas) {
        live = replicas;
      },
    });
    const { patch, remove } = connect();
    const replica = startReplicaLease({
      ...{ ...given, name },
      api: { patch: (...args) => counted(patch(...args)), remove },
    });
    const shows = (content: object): Promise<void> =>
      eventually(() => expect([live, callsUnderWay]).toEqual([[{ name, content }], 0]));

    replica.publish({ [configurationDigest]: '7', [snapshotDigest]: 'abc' });
    await shows({ [configurationDigest]: '7', [snapshotDigest]: 'abc' });
    const first = await stored();
    expect(first.spec).toEqual({
      ...{ holderIdentity: name, leaseDurationSeconds: 40, leaseTransitions: 0 },
      ...{ acquireTime: microTime, renewTime: microTime },
    });
    expect(first.metadata).toMatchObject({ labels: { app: 'mcp', 'mcpauth.dev/replica': 'true' } });

    // What is not said any more is gone.
    replica.publish({ [configurationDigest]: '8' });
    await shows({ [configurationDigest]: '8' });
    const second = await stored();

    clock.hurry(10_000);
    await eventually(async () => expect((await stored()).spec.renewTime).not.toBe(second.spec.renewTime));
    expect((await stored()).spec.acquireTime).toBe(first.spec.acquireTime);

    await connect().remove(objectPath(leases, { namespace, name }));
    await eventually(() => expect(live).toEqual([]));
    clock.hurry(10_000);
    await shows({ [configurationDigest]: '8' });

    await replica.stop();
    await eventually(() => expect(live).toEqual([]));
    await expect(stored()).rejects.toMatchObject({ code: 404 });
    await watch.stop();
    expect(given.log.lines).toEqual([]);
  });
});
