import { describe, expect, it } from 'vitest';
import { settle, until } from '../fixtures/fake-clock.ts';
import type { RequestFault, WatchFault } from './fake-faults.ts';
import {
  catchUp,
  changeEverything,
  isEqual,
  plural,
  sitOut,
  start,
  startSynced,
  useReflectorBench,
  versions,
} from './reflector-bench.ts';

const { bench: use } = useReflectorBench();

const bookmarkOf = (version: number): string =>
  `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: `${version}` } } })}\n`;

describe('when an open watch breaks', () => {
  it.each<[WatchFault, 'watches on' | 'lists again']>([
    ['end', 'watches on'],
    ['fin', 'watches on'],
    ['fin-in-line', 'watches on'],
    ['reset', 'watches on'],
    ['truncated-line', 'watches on'],
    ['error-event', 'watches on'],
    ['gone-event', 'lists again'],
    ['not-json', 'lists again'],
    ['no-event', 'lists again'],
    ['unknown-type', 'lists again'],
    ['nameless-object', 'lists again'],
    ['endless-line', 'lists again'],
    ['stall', 'lists again'],
  ])('by %s it %s and misses nothing', async (fault, outcome) => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    server.breakWatches(fault);
    changeEverything(bench);
    if (fault === 'stall') {
      await settle();
      expect(isEqual(bench, reflector)).toBe(false);
      clock.advance(55_000);
    }
    await catchUp(bench, reflector);
    expect(reflector.isSynced()).toBe(true);
    expect(server.requestsOf('list')).toHaveLength(outcome === 'lists again' ? 2 : 1);
    // And it still listens.
    server.store.put(plural, 'ns/late');
    await catchUp(bench, reflector);
  });

  it('by a stall, and a list that stalls as well, it tries another list', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    server.breakWatches('stall');
    server.failNext('list', 'hang');
    changeEverything(bench);
    clock.advance(55_000);
    await sitOut(bench, reflector, 1);
    await until(() => server.requestsOf('list').length === 2);
    clock.advance(10_000);
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
    // The second list did not go over the connection that was dead.
    expect(new Set(server.requestsOf('list').map(({ connection }) => connection)).size).toBe(3);
  });

  it('a bookmark keeps a quiet one alive, and is where the next one starts', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    server.store.put('configmaps', 'ns/other');
    for (let watched = 0; watched < 5; watched += 1) {
      clock.advance(50_000);
      server.bookmark();
      await until(() => {
        const state = reflector.state();
        return state.kind === 'watching' && state.resourceVersion === '104';
      });
      await settle();
    }
    server.breakWatches('end');
    await until(() => server.requestsOf('watch').length === 2);
    expect(server.requestsOf('watch')[1]?.query.resourceVersion).toBe('104');
  });

  it('after a compaction, a bookmark saves a quiet collection the list', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    server.store.put('configmaps', 'ns/other');
    server.compact();
    server.bookmark();
    await until(() => {
      const state = reflector.state();
      return state.kind === 'watching' && state.resourceVersion === '104';
    });
    server.breakWatches('end');
    await until(() => server.requestsOf('watch').length === 2 && server.openWatches === 1);
    changeEverything(bench);
    await catchUp(bench, reflector);
    expect(server.requestsOf('list')).toHaveLength(1);
  });
});

describe('when a request fails', () => {
  const faults: [string, RequestFault][] = [
    ['401', { status: 401, reason: 'Unauthorized' }],
    ['403', { status: 403, reason: 'Forbidden' }],
    ['410', { status: 410, reason: 'Expired' }],
    ['429', { status: 429, reason: 'TooManyRequests', retryAfter: '3' }],
    ['500', { status: 500, reason: 'InternalError' }],
    ['503', { status: 503, reason: 'ServiceUnavailable', retryAfter: '2' }],
    ['a reset', 'reset'],
    ['a page of a proxy', { body: '<html>502</html>\n' }],
  ];

  it.each(faults)('on a list by %s, it lists again', async (_, fault) => {
    const bench = use();
    const { server } = bench;
    server.failNext('list', fault, fault);
    const reflector = start(bench);
    await catchUp(bench, reflector);
    expect(server.requestsOf('list')).toHaveLength(3);
  });

  it.each(faults)('on a watch by %s, it misses nothing', async (_, fault) => {
    const bench = use();
    const { server, clock, log } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    server.failNext('watch', fault, fault);
    server.breakWatches('end');
    changeEverything(bench);
    await catchUp(bench, reflector);
    expect(log.lines.map(({ level }) => level).filter((level) => level === 'warn')).not.toHaveLength(0);
  });

  it('by no answer to a list, it gives up after 10 s and lists again', async () => {
    const bench = use();
    const { server, clock } = bench;
    server.failNext('list', 'hang');
    const reflector = start(bench);
    await until(() => server.requestsOf('list').length === 1);
    clock.advance(9999);
    await settle();
    expect(reflector.state().kind).toBe('listing');
    clock.advance(1);
    await catchUp(bench, reflector);
  });

  it('by a continue token that is too old, it starts the list over', async () => {
    const bench = use();
    const { server } = bench;
    server.pageSize = 2;
    const reflector = start(bench);
    await until(() => server.requestsOf('list').length === 1);
    server.store.remove(plural, 'ns/a');
    server.compact();
    await catchUp(bench, reflector);
    expect(server.requestsOf('list').map(({ query }) => query.continue !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
    expect(versions(reflector.snapshot().values())).toBe('b@102 c@103');
  });

  it('by a version that is too old, it lists again', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    await server.stop();
    changeEverything(bench);
    server.compact();
    await server.start();
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
    expect(server.requestsOf('watch').map(({ query }) => query.resourceVersion)).toEqual([
      '103',
      '103',
      '108',
    ]);
  });

  it('by an outage, it comes back by itself', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    await server.stop();
    for (let tries = 0; tries < 10; tries += 1) {
      await until(() => reflector.state().kind === 'waiting');
      const state = reflector.state();
      clock.advance(state.kind === 'waiting' ? state.delayMs : 0);
    }
    changeEverything(bench);
    await server.start();
    await catchUp(bench, reflector);
  });

  it('waits as long as Retry-After says', async () => {
    const bench = use();
    const { server, clock } = bench;
    server.failNext('list', { status: 429, retryAfter: '17' });
    const reflector = start(bench);
    await until(() => reflector.state().kind === 'waiting');
    clock.advance(16_999);
    await settle();
    expect(server.requestsOf('list')).toHaveLength(1);
    clock.advance(1);
    await catchUp(bench, reflector);
  });

  it('by a watch that must wait, it waits too', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    server.failNext('watch', { status: 429, retryAfter: '17' });
    server.breakWatches('end');
    expect(await sitOut(bench, reflector, 1)).toEqual([17_000]);
    await until(() => server.openWatches === 1);
    expect(server.requestsOf('watch')).toHaveLength(3);
  });

  it.each<[string, RequestFault]>([
    ['410', { status: 410, reason: 'Expired' }],
    ['403', { status: 403, reason: 'Forbidden' }],
    ['one event and an end', { body: bookmarkOf(103) }],
  ])('each watch by %s, it asks ever more rarely', async (_, fault) => {
    const bench = use();
    const { server } = bench;
    server.failNext('watch', ...Array.from({ length: 10 }, () => fault));
    const reflector = start(bench);
    const delays = await sitOut(bench, reflector, 10);
    expect(delays).toEqual([800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000]);
    await until(() => server.openWatches === 1);
    expect(server.requestsOf('watch')).toHaveLength(11);
    expect(server.requestsOf('list').length).toBeLessThanOrEqual(11);
  });

  it('takes over what lists say while no watch is allowed', async () => {
    const bench = use();
    const { server } = bench;
    server.failNext('watch', ...Array.from({ length: 20 }, () => ({ status: 403, reason: 'Forbidden' })));
    const reflector = start(bench);
    await catchUp(bench, reflector);
    changeEverything(bench);
    await catchUp(bench, reflector);
    expect(server.openWatches).toBe(0);
  });
});
