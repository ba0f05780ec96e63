import { describe, expect, it } from 'vitest';
import { configMaps } from '../../operator/controller/resource.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import {
  catchUp,
  changeEverything,
  isEqual,
  plural,
  start,
  startSynced,
  useReflectorBench,
  versions,
} from './reflector-bench.ts';

const { bench: use } = useReflectorBench();

const listPath = `/apis/mcpauth.dev/v1alpha1/${plural}`;

describe('a reflector', () => {
  it('lists in pages, then watches from the version of the list with bookmarks', async () => {
    const bench = use();
    const { server } = bench;
    server.pageSize = 2;
    const reflector = await startSynced(bench, { random: () => 0.5 });
    expect(isEqual(bench, reflector)).toBe(true);
    expect(bench.changes).toBe(1);
    expect(server.requests.map(({ path }) => path)).toEqual([listPath, listPath, listPath]);
    expect(server.requests.map(({ query }) => query)).toEqual([
      { limit: '500' },
      { limit: '500', continue: 'page-0-103' },
      { watch: 'true', resourceVersion: '103', allowWatchBookmarks: 'true', timeoutSeconds: '45' },
    ]);
  });

  it('renews a quiet watch over and over, from the last bookmark, without a list and without a word', async () => {
    const bench = use();
    const { server, clock, log } = bench;
    const reflector = await startSynced(bench, { random: () => 0.999 });
    for (let renewals = 1; renewals <= 20; renewals += 1) {
      clock.advance(48_000);
      server.bookmark();
      clock.advance(2000);
      server.breakWatches('end');
      await until(() => server.requestsOf('watch').length === renewals + 1 && server.openWatches === 1);
    }
    expect(new Set(server.requestsOf('watch').map(({ query }) => query.timeoutSeconds))).toEqual(
      new Set(['50']),
    );
    expect([server.requests.length, bench.changes, log.lines]).toEqual([22, 1, []]);
    expect(isEqual(bench, reflector)).toBe(true);
  });

  it('is not synced, and says nothing, before the last page', async () => {
    const bench = use();
    const { server } = bench;
    server.pageSize = 2;
    server.failNext('list', { status: 500 });
    const reflector = start(bench);
    await until(() => reflector.state().kind === 'waiting');
    expect([reflector.isSynced(), bench.changes, reflector.snapshot().size]).toEqual([false, 0, 0]);
    await catchUp(bench, reflector);
    expect(reflector.isSynced()).toBe(true);
  });

  it('is synced with an empty collection too', async () => {
    const bench = use();
    const reflector = start(bench, { resource: configMaps });
    await until(() => reflector.isSynced());
    expect([bench.changes, reflector.snapshot().size]).toEqual([1, 0]);
  });

  it('follows additions, edits and deletions', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench);
    const before = reflector.snapshot();
    changeEverything(bench);
    await catchUp(bench, reflector);
    expect(reflector.get('ns/a')).toMatchObject({ spec: { issuer: 'edited' } });
    expect(reflector.get('ns/b')).toBeUndefined();
    expect(versions(before.values())).toBe('a@101 b@102 c@103');
    expect(server.requestsOf('list')).toHaveLength(1);
  });

  it('puts lines together that come in pieces', async () => {
    const bench = use();
    const { server } = bench;
    server.isSlow = true;
    const reflector = await startSynced(bench);
    server.store.put(plural, 'ns/a', { spec: { issuer: 'żółć' } });
    await catchUp(bench, reflector);
    expect(reflector.get('ns/a')).toMatchObject({ spec: { issuer: 'żółć' } });
  });

  it('looks at one namespace, when told to', async () => {
    const bench = use();
    const { server } = bench;
    server.store.put(plural, 'other/x');
    const reflector = await startSynced(bench, { namespace: 'other' });
    expect([...reflector.snapshot().keys()]).toEqual(['other/x']);
    changeEverything(bench);
    server.store.put(plural, 'other/y');
    await until(() => reflector.snapshot().size === 2);
    expect(server.requests[0]?.path).toBe('/apis/mcpauth.dev/v1alpha1/namespaces/other/mcpauthpolicies');
  });

  it('asks for the objects with certain labels, when told to', async () => {
    const bench = use();
    const { server } = bench;
    const labelled = { metadata: { labels: { a: 'b' } } };
    server.store.put(plural, 'ns/a', labelled);
    const reflector = await startSynced(bench, { labelSelector: 'a=b' });
    server.store.put(plural, 'ns/other');
    server.store.put(plural, 'ns/d', labelled);
    await until(() => reflector.snapshot().size === 2);
    expect([...reflector.snapshot().keys()]).toEqual(['ns/a', 'ns/d']);
    expect(server.requests.map(({ query }) => query.labelSelector)).toEqual(['a=b', 'a=b']);
  });

  it('asks for metadata only, when told to', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench, { metadataOnly: true });
    expect(server.requests.map(({ headers }) => headers.accept)).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
    server.store.put(plural, 'ns/a', { spec: { issuer: 'edited' } });
    await catchUp(bench, reflector);
    expect(reflector.get('ns/a')).toEqual({
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { namespace: 'ns', name: 'a', uid: 'uid-101', resourceVersion: '104' },
    });
  });

  it('says nothing any more once it has been stopped', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    const stopped = reflector.stop();
    changeEverything(bench);
    await stopped;
    await settle();
    expect([bench.changes, reflector.state().kind]).toEqual([1, 'stopped']);
    await until(() => server.openWatches === 0);
    expect(clock.pending()).toEqual([]);
  });

  it.each(['list', 'watch'] as const)('can be stopped while a %s gets no answer', async (verb) => {
    const bench = use();
    const { server, clock } = bench;
    server.failNext(verb, 'hang');
    const reflector = start(bench);
    await until(() => server.requestsOf(verb).length === 1);
    await reflector.stop();
    expect(clock.pending()).toEqual([]);
  });

  it('can be stopped while it waits', async () => {
    const bench = use();
    const { server, clock } = bench;
    server.failNext('list', { status: 500 });
    const reflector = start(bench);
    await until(() => reflector.state().kind === 'waiting');
    await reflector.stop();
    expect(clock.pending()).toEqual([]);
  });
});

describe('the log', () => {
  it('says a cause once, and when it is over', async () => {
    const bench = use();
    const { server, log } = bench;
    server.failNext('list', { status: 500 }, { status: 500 }, { status: 403, reason: 'Forbidden' });
    const reflector = start(bench);
    await catchUp(bench, reflector);
    server.store.put(plural, 'ns/d');
    await catchUp(bench, reflector);
    expect(log.lines.map(({ level, fields }) => `${level} ${fields?.code ?? ''}`)).toEqual([
      'warn 500',
      'debug 500',
      'warn 403',
      'info ',
    ]);
    expect(JSON.stringify(log.lines)).not.toContain('secret');
  });

  it('says that it is over when a watch on which nothing happened has ended as agreed', async () => {
    const bench = use();
    const { server, log, clock } = bench;
    server.failNext('list', { status: 500 });
    const reflector = start(bench);
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
    clock.advance(45_000);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
    server.breakWatches('end');
    await until(() => server.requestsOf('watch').length === 2);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  it('names a missing CRD, and goes on trying', async () => {
    const bench = use();
    const { server, log } = bench;
    server.failNext('list', { status: 404, reason: 'NotFound' });
    const reflector = start(bench);
    await catchUp(bench, reflector);
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      message: 'the API server does not know this resource: is its CRD installed?',
      fields: { resource: plural, group: 'mcpauth.dev' },
    });
  });
});
