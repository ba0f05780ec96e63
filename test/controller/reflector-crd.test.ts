import { describe, expect, it } from 'vitest';
import { until } from '../fixtures/fake-clock.ts';
import { catchUp, plural, sitOut, start, startSynced, useReflectorBench } from './reflector-bench.ts';

const { bench: use } = useReflectorBench();

const groups = (...names: readonly string[]): unknown => ({
  ...{ kind: 'APIGroupList', apiVersion: 'v1' },
  groups: names.map((name) => ({ name })),
});

describe('when the API server answers 404', () => {
  it('because the CRD is deleted, it knows that nothing is there, and follows the next one', async () => {
    const bench = use();
    const { server, clock, log } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    // As the API server does it: the objects first.
    for (const name of ['a', 'b', 'c']) {
      server.store.remove(plural, `ns/${name}`);
    }
    server.unknown.add(plural);
    server.breakWatches('end');
    expect(await sitOut(bench, reflector, 5)).toEqual([800, 1600, 3200, 6400, 10_000]);
    expect([reflector.snapshot().size, reflector.isSynced()]).toEqual([0, true]);
    server.unknown.clear();
    server.store.put(plural, 'ns/new');
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
    const [first, ...others] = log.lines.filter(({ message }) => message.includes('CRD'));
    expect([first?.level, new Set(others.map(({ level }) => level))]).toEqual(['warn', new Set(['debug'])]);
  });

  it('because the CRD was deleted while it saw nothing, it gives up what it had, and follows the next one', async () => {
    const bench = use();
    const { server, clock, log } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    await server.stop();
    for (const name of ['a', 'b', 'c']) server.store.remove(plural, `ns/${name}`);
    server.unknown.add(plural);
    server.answers.set('/apis', groups('apps', 'apiextensions.k8s.io'));
    await server.start();
    expect(reflector.snapshot().size).toBe(3);
    await catchUp(bench, reflector);
    expect([reflector.snapshot().size, reflector.isSynced(), bench.changes]).toEqual([0, true, 2]);
    expect(log.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'the API server has no such group any more: its objects are given up',
        fields: { resource: plural, group: 'mcpauth.dev', namespace: undefined, objects: 3 },
      }),
    );
    await sitOut(bench, reflector, 3);
    expect(bench.changes).toBe(2);
    expect(server.requests.filter(({ path }) => path === '/apis')).toHaveLength(1);
    server.unknown.clear();
    server.store.put(plural, 'ns/new');
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
  });

  it.each<[string, unknown]>([
    ['that has no list of groups either', undefined],
    ['that says the same to everything', 'nothing here'],
    ['that has the group', groups('apiextensions.k8s.io', 'mcpauth.dev')],
    ['that has no CRDs', groups('apps')],
    ['whose list is no list of groups', { ...Object(groups('apiextensions.k8s.io')), kind: 'List' }],
    ['whose groups are none', { kind: 'APIGroupList', groups: null }],
  ])('by 404 from one %s, it keeps what it has', async (_, answer) => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    server.unknown.add(plural);
    if (answer !== undefined) server.answers.set('/apis', answer);
    server.breakWatches('end');
    await sitOut(bench, reflector, 4);
    expect([reflector.snapshot().size, bench.changes]).toEqual([3, 1]);
    expect(server.requests.some(({ path }) => path === '/apis')).toBe(true);
    server.unknown.clear();
    server.store.put(plural, 'ns/new');
    await catchUp(bench, reflector);
  });

  it('because there is no CRD at the start, it is not synced', async () => {
    const bench = use();
    const { server } = bench;
    server.unknown.add(plural);
    server.answers.set('/apis', groups('apiextensions.k8s.io'));
    const reflector = start(bench);
    await sitOut(bench, reflector, 3);
    expect([reflector.isSynced(), bench.changes]).toEqual([false, 0]);
  });
});
