import { afterEach, describe, expect, it } from 'vitest';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import {
  type LeaderElection,
  type LeaderElectionOptions,
  startLeaderElection,
} from '../../operator/controller/leader-election.ts';
import type { Clock } from '../../operator/time/clock.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { type ApiBench, useApiBench } from './api-bench.ts';

const use = useApiBench();
const key = 'ns/leader';
const candidates: Candidate[] = [];
let callsUnderWay = 0;

afterEach(async () => {
  const stops = Promise.all(candidates.splice(0).map(({ election }) => election.stop()));
  use().clock.advance(5_000);
  await stops;
});

interface Candidate {
  readonly election: LeaderElection;
  readonly log: ReturnType<typeof recordLog>;
  /** What `onChange` was told, in order. */
  readonly told: readonly boolean[];
}

/** The calls, counted while they are under way. */
function counted({ get, create, update }: LeaderElectionOptions['api']): LeaderElectionOptions['api'] {
  const count = async <T>(call: Promise<T>): Promise<T> => {
    callsUnderWay += 1;
    return call.finally(() => {
      callsUnderWay -= 1;
    });
  };
  return {
    get: (...args) => count(get(...args)),
    create: (...args) => count(create(...args)),
    update: (...args) => count(update(...args)),
  };
}

/** Lets the rounds that have begun, or are about to, end. */
async function roundEnd(): Promise<void> {
  await settle(1);
  await until(() => callsUnderWay === 0);
}

function enter(identity: string, options: Partial<LeaderElectionOptions> = {}): Candidate {
  const { api, clock } = use();
  const told: boolean[] = [];
  const log = recordLog();
  const election = startLeaderElection({
    ...{ api: counted(api), namespace: 'ns', name: 'leader', identity, clock, random: () => 0, log },
    onChange: (isLeader) => told.push(isLeader),
    ...options,
  });
  const candidate = { election, log, told };
  candidates.push(candidate);
  return candidate;
}

const spec = ({ server }: ApiBench): unknown => server.store.get('leases', key)?.spec;

/** The verbs of the requests since the last time, as one text. */
function verbs({ server }: ApiBench): string {
  return server.requests
    .splice(0)
    .map(({ verb }) => verb)
    .join(' ');
}

/** Lets the next round of all candidates begin and end. */
async function nextRound({ clock }: ApiBench, ms = 2_000): Promise<void> {
  clock.advance(ms);
  await roundEnd();
}

async function enterAsLeader(bench: ApiBench): Promise<Candidate> {
  const candidate = enter('a');
  await until(() => candidate.election.isLeader());
  await roundEnd();
  verbs(bench);
  return candidate;
}

describe('a candidate', () => {
  it('creates the Lease and leads', async () => {
    const bench = use();
    const { election, told, log } = enter('a');
    expect(election.isLeader()).toBe(false);
    await until(() => election.isLeader());
    expect(spec(bench)).toEqual({
      ...{ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 },
      ...{ acquireTime: '2026-11-24T12:00:00.000000Z', renewTime: '2026-11-24T12:00:00.000000Z' },
    });
    expect([verbs(bench), told]).toEqual(['get create', [true]]);
    expect(log.lines.map(({ message }) => message)).toEqual(['this replica is the leader']);
  });

  it('writes once per round as leader, and reads once as another', async () => {
    const bench = use();
    await enterAsLeader(bench);
    const { election, told } = enter('b');
    await roundEnd();
    expect(verbs(bench)).toBe('get');
    for (let round = 0; round < 10; round += 1) {
      await nextRound(bench);
      expect(verbs(bench).split(' ').sort()).toEqual(['get', 'update']);
    }
    expect([election.isLeader(), told]).toEqual([false, []]);
    expect(spec(bench)).toMatchObject({
      acquireTime: '2026-11-24T12:00:00.000000Z',
      renewTime: '2026-11-24T12:00:20.000000Z',
    });
  });

  it('comes a little later than every two seconds, by chance', async () => {
    const bench = use();
    const candidate = enter('a', { random: () => 0.5 });
    await until(() => candidate.election.isLeader());
    await roundEnd();
    expect(bench.clock.pending()).toContain(2_200);
  });

  it('keeps what others have written into the Lease, but its own members', async () => {
    const bench = use();
    bench.server.store.put('leases', key, {
      metadata: { labels: { a: 'b' } },
      spec: { holderIdentity: '', leaseTransitions: 7, strategy: 'OldestEmulationVersion' },
    });
    const { election } = enter('a');
    await until(() => election.isLeader());
    expect(bench.server.store.get('leases', key)).toMatchObject({
      metadata: { labels: { a: 'b' } },
      spec: { holderIdentity: 'a', leaseTransitions: 8, strategy: 'OldestEmulationVersion' },
    });
  });

  it('takes over from one that does not renew any more, 15 s after it has seen the last renewal', async () => {
    const bench = use();
    // An hour ahead of us, and an hour behind: it does not matter.
    bench.server.store.put('leases', key, {
      spec: { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '2026-11-24T13:00:00.000000Z' },
    });
    const { election } = enter('b');
    await roundEnd();
    for (let round = 0; round < 7; round += 1) await nextRound(bench);
    expect([election.isLeader(), verbs(bench)]).toEqual([false, 'get get get get get get get get']);
    await nextRound(bench);
    expect([election.isLeader(), verbs(bench)]).toEqual([true, 'get update']);
    expect(spec(bench)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('does not wait for longer than a minute, whatever a Lease says, and though it was deleted', async () => {
    const bench = use();
    const spec = { holderIdentity: 'evil', leaseDurationSeconds: 86_400 };
    bench.server.store.put('leases', key, { spec });
    const { election } = enter('a');
    await roundEnd();
    bench.server.store.remove('leases', key);
    for (let round = 0; round < 40 && !election.isLeader(); round += 1) await nextRound(bench);
    expect(election.isLeader()).toBe(true);
  });

  it('loses against one that is quicker, and says nothing', async () => {
    const bench = use();
    bench.server.failNext('create', { status: 409 });
    const { election, log, told } = enter('a');
    await until(() => bench.server.requests.length === 2);
    await roundEnd();
    expect([election.isLeader(), log.lines, told]).toEqual([false, [], []]);
  });

  it('is one of two that create at once', async () => {
    const bench = use();
    const both = [enter('a'), enter('b')];
    await until(() => both.some(({ election }) => election.isLeader()));
    await roundEnd();
    expect(both.filter(({ election }) => election.isLeader())).toHaveLength(1);
    expect(verbs(bench).split(' ').sort()).toEqual(['create', 'create', 'get', 'get']);
  });
});

/** Calls of which `create` does what it must, but its answer comes only when it is told to. */
function withSlowCreate({ api }: ApiBench): { readonly api: KubeApi; readonly answer: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const create: KubeApi['create'] = async (...args) => {
    const result = await api.create(...args);
    await promise;
    return result;
  };
  return { api: { ...api, create }, answer: resolve };
}

describe('a leader', () => {
  it('is not leader when it wakes up after a pause, before anything has run', async () => {
    const bench = use();
    let pausedMs = 0;
    const clock: Clock = { ...bench.clock, monotonicMs: () => bench.clock.monotonicMs() + pausedMs };
    const { election } = enter('a', { clock });
    await until(() => election.isLeader());
    pausedMs = 9_999;
    expect(election.isLeader()).toBe(true);
    pausedMs = 10_000;
    expect(election.isLeader()).toBe(false);
  });

  it('finds out after a pause that another leads', async () => {
    const bench = use();
    const { election, told } = await enterAsLeader(bench);
    const lease = bench.server.store.get('leases', key);
    bench.server.store.put('leases', key, {
      ...lease,
      spec: { holderIdentity: 'b', leaseDurationSeconds: 15 },
    });
    await nextRound(bench);
    expect([election.isLeader(), verbs(bench), told]).toEqual([false, 'update get', [true, false]]);
    expect(spec(bench)).toMatchObject({ holderIdentity: 'b' });
  });

  it('counts from the beginning of the renewal, however long the answer takes', async () => {
    const bench = use();
    const { api, answer } = withSlowCreate(bench);
    const { election } = enter('a', { api });
    await until(() => spec(bench) !== undefined);
    bench.clock.advance(4_000);
    answer();
    await until(() => election.isLeader());
    bench.clock.advance(5_999);
    expect(election.isLeader()).toBe(true);
    bench.clock.advance(1);
    expect(election.isLeader()).toBe(false);
  });

  it('renews after others have written to the Lease, and after it was deleted', async () => {
    const bench = use();
    const { election, told, log } = await enterAsLeader(bench);
    const lease = bench.server.store.get('leases', key);
    bench.server.store.put('leases', key, { ...lease, metadata: { annotations: { a: 'b' } } });
    await nextRound(bench);
    expect(verbs(bench)).toBe('update get update');
    bench.server.store.remove('leases', key);
    await nextRound(bench);
    expect(verbs(bench)).toBe('update get create');
    await nextRound(bench);
    expect([election.isLeader(), verbs(bench), told]).toEqual([true, 'update', [true]]);
    expect(log.lines).toHaveLength(1);
  });

  it('leads on through failures for ten seconds, says so once, and leads again afterwards', async () => {
    const bench = use();
    const { election, told, log } = await enterAsLeader(bench);
    const failure = { status: 500 };
    bench.server.failNext('update', failure);
    bench.server.failNext('get', failure, failure, failure, failure);
    for (let round = 0; round < 4; round += 1) await nextRound(bench);
    bench.clock.advance(1_999);
    expect([election.isLeader(), told]).toEqual([true, [true]]);
    bench.clock.advance(1);
    expect([election.isLeader(), told]).toEqual([false, [true, false]]);
    await roundEnd();
    await nextRound(bench);
    expect([election.isLeader(), told]).toEqual([true, [true, false, true]]);
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info this replica is the leader',
      'warn using the Lease of the leader failed',
      ...Array(3).fill('debug using the Lease of the leader failed'),
      'info this replica is not the leader any more',
      'debug using the Lease of the leader failed',
      'info using the Lease of the leader works again',
      'info this replica is the leader',
    ]);
    expect(spec(bench)).toMatchObject({ leaseTransitions: 0 });
  });

  it('gives up a call after five seconds, and takes its own record for its own', async () => {
    const bench = use();
    const { election } = await enterAsLeader(bench);
    bench.server.failNext('update', 'hang');
    bench.clock.advance(2_000);
    await until(() => bench.server.requests.length === 1);
    bench.clock.advance(4_999);
    expect(callsUnderWay).toBe(1);
    bench.clock.advance(1);
    await roundEnd();
    expect(verbs(bench)).toBe('update');
    await nextRound(bench);
    expect([election.isLeader(), verbs(bench)]).toEqual([true, 'get update']);
  });

  it('says when there is no namespace for the Lease', async () => {
    use().server.failNext('create', { status: 404, reason: 'NotFound' });
    const { log } = enter('a');
    await until(() => log.lines.length === 1);
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      fields: { code: 404, reason: 'NotFound', lease: 'leader' },
    });
  });

  it('does not lead by an answer that cannot be read', async () => {
    use().server.failNext('create', { body: '{}' });
    const { election, log } = enter('a');
    await until(() => log.lines.length === 1);
    expect([election.isLeader(), log.lines[0]?.fields.reason]).toEqual([false, 'MalformedBody']);
  });
});

describe('stopping', () => {
  it('releases the Lease, so that another leads in its next round', async () => {
    const bench = use();
    const { election, told } = await enterAsLeader(bench);
    const other = enter('b');
    await roundEnd();
    verbs(bench);
    const stopped = election.stop();
    expect([election.isLeader(), told]).toEqual([false, [true, false]]);
    await stopped;
    expect(verbs(bench)).toBe('update');
    expect(spec(bench)).toEqual({
      ...{ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 },
      ...{ acquireTime: '2026-11-24T12:00:00.000000Z', renewTime: '2026-11-24T12:00:00.000000Z' },
    });
    await nextRound(bench);
    expect(other.election.isLeader()).toBe(true);
    expect(spec(bench)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('writes nothing when another leads', async () => {
    const bench = use();
    await enterAsLeader(bench);
    const { election } = enter('b');
    await roundEnd();
    verbs(bench);
    await election.stop();
    expect(verbs(bench)).toBe('');
    expect(spec(bench)).toMatchObject({ holderIdentity: 'a' });
  });

  it('does not release what another has taken over', async () => {
    const bench = use();
    const { election, log } = await enterAsLeader(bench);
    bench.server.store.put('leases', key, { spec: { holderIdentity: 'b', leaseDurationSeconds: 15 } });
    await election.stop();
    expect(spec(bench)).toMatchObject({ holderIdentity: 'b' });
    expect(log.lines.map(({ level }) => level)).toEqual(['info', 'info']);
  });

  it('releases what a write under way has brought', async () => {
    const bench = use();
    const { election, told } = enter('a');
    await until(() => bench.server.requests.some(({ verb }) => verb === 'create'));
    await election.stop();
    expect([spec(bench), told]).toEqual([expect.objectContaining({ holderIdentity: '' }), []]);
  });

  it('does not become leader any more', async () => {
    const bench = use();
    const { election, told } = enter('a');
    await election.stop();
    expect([verbs(bench), told]).toEqual(['get', []]);
  });

  it('ends within five seconds, whatever hangs', async () => {
    const bench = use();
    const { api, answer } = withSlowCreate(bench);
    const { election } = enter('a', { api });
    await until(() => spec(bench) !== undefined);
    bench.server.failNext('update', 'hang');
    const stopped = election.stop();
    bench.clock.advance(4_000);
    answer();
    await until(() => bench.server.requests.some(({ verb }) => verb === 'update'));
    bench.clock.advance(1_000);
    await stopped;
    expect(bench.clock.pending()).toEqual([]);
  });

  it('ends at once between two rounds, and leaves no timer', async () => {
    const bench = use();
    const { election } = await enterAsLeader(bench);
    await Promise.all([election.stop(), election.stop()]);
    expect(verbs(bench)).toBe('update');
    expect(bench.clock.pending()).toEqual([]);
  });
});
