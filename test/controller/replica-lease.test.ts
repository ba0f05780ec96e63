import { afterEach, describe, expect, it } from 'vitest';
import {
  type ReplicaLease,
  type ReplicaLeaseOptions,
  startReplicaLease,
} from '../../operator/controller/replica-lease.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { useApiBench } from './api-bench.ts';

const use = useApiBench();
const key = 'ns/pod-1';
const started: ReplicaLease[] = [];
let callsUnderWay = 0;

afterEach(async () => {
  const stops = Promise.all(started.splice(0).map((lease) => lease.stop()));
  use().clock.advance(5_000);
  await stops;
});

/** The calls, counted while they are under way. */
function counted({ patch, remove }: ReplicaLeaseOptions['api']): ReplicaLeaseOptions['api'] {
  const count = <T>(call: Promise<T>): Promise<T> => {
    callsUnderWay += 1;
    return call.finally(() => {
      callsUnderWay -= 1;
    });
  };
  return { patch: (...args) => count(patch(...args)), remove: (...args) => count(remove(...args)) };
}

function start(
  calls: Partial<ReplicaLeaseOptions['api']> = {},
): ReplicaLease & { readonly log: ReturnType<typeof recordLog> } {
  const { api, clock } = use();
  const log = recordLog();
  const lease = startReplicaLease({
    ...{ api: counted({ ...api, ...calls }), namespace: 'ns', name: 'pod-1', labels: { app: 'mcp' } },
    ...{ clock, random: () => 0, log },
  });
  started.push(lease);
  return { ...lease, log };
}

/** Moves the clock on and lets the writes end that fall due. */
async function pass(ms: number): Promise<void> {
  use().clock.advance(ms);
  await settle(1);
  await until(() => callsUnderWay === 0);
}

/** What the writes since the last time have said, in order. */
function said(): readonly unknown[] {
  return use()
    .server.requests.splice(0)
    .map(({ verb, body }) => (verb === 'patch' ? Object(body?.metadata).annotations : verb));
}

describe('the Lease of a replica', () => {
  it('is not there before something is published', async () => {
    start();
    await pass(60_000);
    expect(said()).toEqual([]);
  });

  it('says what the replica enforces', async () => {
    const { server } = use();
    const lease = start();
    lease.publish({ 'mcpauth.dev/policies-version': '12' });
    await pass(0);
    expect(server.store.get('leases', key)).toMatchObject({
      metadata: {
        labels: { app: 'mcp', 'mcpauth.dev/replica': 'true' },
        annotations: { 'mcpauth.dev/policies-version': '12' },
      },
      spec: {
        ...{ holderIdentity: 'pod-1', leaseDurationSeconds: 40, leaseTransitions: 0 },
        ...{ acquireTime: '2026-11-24T12:00:00.000000Z', renewTime: '2026-11-24T12:00:00.000000Z' },
      },
    });
    expect(server.requests[0]).toMatchObject({
      verb: 'patch',
      path: '/apis/coordination.k8s.io/v1/namespaces/ns/leases/pod-1',
      query: { fieldManager: 'mcp-auth-operator', force: 'true' },
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
  });

  it('is renewed every ten seconds, and not in between', async () => {
    const { server } = use();
    const lease = start();
    lease.publish({ a: '1' });
    await pass(0);
    lease.publish({ a: '1' });
    await pass(9_999);
    expect(said()).toEqual([{ a: '1' }]);
    await pass(1);
    expect(said()).toEqual([{ a: '1' }]);
    expect(server.store.get('leases', key)?.spec).toMatchObject({
      acquireTime: '2026-11-24T12:00:00.000000Z',
      renewTime: '2026-11-24T12:00:10.000000Z',
    });
  });

  it('is written at once after a change, but once a second at most', async () => {
    const lease = start();
    lease.publish({ a: '1' });
    lease.publish({ a: '2' });
    await pass(0);
    expect(said()).toEqual([{ a: '2' }]);
    for (const a of ['3', '4', '5']) {
      lease.publish({ a });
      await pass(300);
    }
    expect(said()).toEqual([]);
    await pass(100);
    expect(said()).toEqual([{ a: '5' }]);
    await pass(5_000);
    lease.publish({ a: '6' });
    await pass(0);
    expect(said()).toEqual([{ a: '6' }]);
  });

  it('is written again when something is published during a write', async () => {
    const { server } = use();
    const lease = start();
    lease.publish({ a: '1' });
    use().clock.advance(0);
    await until(() => server.requests.length === 1);
    lease.publish({ a: '2' });
    await pass(0);
    await pass(1_000);
    expect(said()).toEqual([{ a: '1' }, { a: '2' }]);
  });

  it('is not written twice at a time, however long a write takes', async () => {
    const { server, clock } = use();
    const lease = start();
    server.failNext('patch', 'hang');
    lease.publish({ a: '1' });
    clock.advance(0);
    await until(() => server.requests.length === 1);
    lease.publish({ a: '2' });
    clock.advance(4_000);
    expect(callsUnderWay).toBe(1);
  });

  it('is there again after somebody has deleted it', async () => {
    const { server } = use();
    const lease = start();
    lease.publish({ a: '1' });
    await pass(0);
    server.store.remove('leases', key);
    await pass(10_000);
    expect(server.store.get('leases', key)).toMatchObject({ metadata: { annotations: { a: '1' } } });
  });

  it('is tried again after failures with a back-off, which are told once', async () => {
    const { server } = use();
    const lease = start();
    const failure = { status: 500, reason: 'InternalError' };
    server.failNext('patch', failure, failure, failure, failure, failure, failure);
    lease.publish({ a: '1' });
    await pass(0);
    const delays: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const [delayMs = Number.NaN] = use().clock.pending();
      delays.push(delayMs);
      lease.publish({ a: '1' });
      await pass(delayMs);
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    expect(said()).toHaveLength(7);
    expect(lease.log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn renewing the Lease of this replica failed',
      ...Array(5).fill('debug renewing the Lease of this replica failed'),
      'info renewing the Lease of this replica works again',
    ]);
    expect(lease.log.lines[0]?.fields).toEqual({
      ...{ lease: 'pod-1', namespace: 'ns', code: 500, reason: 'InternalError' },
    });
    await pass(9_999);
    expect(said()).toEqual([]);
  });

  it('gives up a write after five seconds', async () => {
    const { server } = use();
    const lease = start();
    server.failNext('patch', 'hang');
    lease.publish({ a: '1' });
    use().clock.advance(0);
    await until(() => server.requests.length === 1);
    await pass(5_000);
    expect(lease.log.lines[0]?.fields.reason).toBe('Timeout');
    await pass(1_000);
    expect(said()).toHaveLength(2);
  });
});

describe('stopping', () => {
  it('deletes the Lease, and nothing is written any more', async () => {
    const { server, clock } = use();
    const lease = start();
    lease.publish({ a: '1' });
    await pass(0);
    await Promise.all([lease.stop(), lease.stop()]);
    expect(server.store.get('leases', key)).toBeUndefined();
    lease.publish({ a: '2' });
    await pass(60_000);
    expect(said()).toEqual([{ a: '1' }, 'remove']);
    expect(clock.pending()).toEqual([]);
  });

  it('waits for a write under way', async () => {
    const { server, api, clock } = use();
    const { promise, resolve } = Promise.withResolvers<void>();
    const lease = start({
      async patch(...args) {
        await promise;
        return api.patch(...args);
      },
    });
    lease.publish({ a: '1' });
    clock.advance(0);
    const stopped = lease.stop();
    expect(callsUnderWay).toBe(1);
    resolve();
    await stopped;
    expect([said(), server.store.get('leases', key)]).toEqual([[{ a: '1' }, 'remove'], undefined]);
  });

  it('deletes nothing when nothing was published, and says nothing when it is gone already', async () => {
    const { server } = use();
    const [silent, gone] = [start(), start()];
    await silent.stop();
    expect(said()).toEqual([]);
    gone.publish({ a: '1' });
    await pass(0);
    server.store.remove('leases', key);
    await gone.stop();
    expect([said(), gone.log.lines]).toEqual([[{ a: '1' }, 'remove'], []]);
  });

  it('ends within five seconds, whatever hangs', async () => {
    const { server, clock } = use();
    const lease = start();
    server.failNext('patch', 'hang');
    server.failNext('remove', 'hang');
    lease.publish({ a: '1' });
    clock.advance(0);
    await until(() => server.requests.length === 1);
    clock.advance(1_000);
    const stopped = lease.stop();
    clock.advance(4_000);
    await until(() => server.requests.length === 2);
    clock.advance(1_000);
    await stopped;
    expect(lease.log.lines.map(({ message }) => message)).toEqual([
      'renewing the Lease of this replica failed',
      'deleting the Lease of this replica failed',
    ]);
  });
});
