import { describe, expect, it } from 'vitest';
import { ApiError } from '../../operator/controller/api-error.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import {
  dataOf,
  keysOf,
  lastDataOf,
  putConfigMap,
  putPolicy,
  start,
  startSynced,
  untilLast,
  useSourceBench,
} from './source-bench.ts';

const use = useSourceBench();

describe('the ConfigMaps that policies name', () => {
  it('are read before the first delivery, the others never', async () => {
    const bench = use();
    const { server, delivered } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    putConfigMap(bench, 'a/other', 'x');
    putConfigMap(bench, 'b/cm', 'x');
    await startSynced(bench);
    expect(delivered.map(dataOf)).toEqual([{ 'a/cm': 'v1' }]);
    await settle();
    expect(server.requestsOf('get').map(({ path }) => path)).toEqual(['/api/v1/namespaces/a/configmaps/cm']);
    expect(delivered).toHaveLength(1);
  });

  it('are watched by their metadata only', async () => {
    const bench = use();
    const { server } = bench;
    await startSynced(bench);
    const accepts = server.requests
      .filter(({ path }) => path === '/api/v1/configmaps')
      .map(({ headers }) => headers.accept);
    expect(accepts).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
  });

  it('are read again when they change, and not when others do', async () => {
    const bench = use();
    const { server } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    putConfigMap(bench, 'a/other', 'x');
    putConfigMap(bench, 'a/cm', 'v2');
    await untilLast(bench, (last) => dataOf(last)['a/cm'] === 'v2');
    expect(server.requestsOf('get')).toHaveLength(2);
  });

  it('are there once they are created, and gone once they are deleted, however often', async () => {
    const bench = use();
    const { server, log } = bench;
    putPolicy(bench, 'a/1', 'cm');
    await startSynced(bench);
    for (const value of ['v1', 'v2']) {
      expect(lastDataOf(bench)).toEqual({});
      putConfigMap(bench, 'a/cm', value);
      await untilLast(bench, (last) => dataOf(last)['a/cm'] === value);
      server.store.remove('configmaps', 'a/cm');
      await untilLast(bench, (last) => !('a/cm' in dataOf(last)));
    }
    expect(log.lines).toEqual([]);
  });

  it('are as good as deleted while they are being deleted', async () => {
    const bench = use();
    const { server } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    server.store.put('configmaps', 'a/cm', { data: { ca: 'v1' }, metadata: { deletionTimestamp } });
    await untilLast(bench, (last) => !('a/cm' in dataOf(last)));
    putPolicy(bench, 'b/1', 'cm');
    server.store.put('configmaps', 'b/cm', { data: { ca: 'v1' }, metadata: { deletionTimestamp } });
    await untilLast(bench, (last) => keysOf(last) === 'a/1 b/1');
    expect(lastDataOf(bench)).toEqual({});
  });

  it('are delivered together with a new policy that names them', async () => {
    const bench = use();
    const { delivered } = bench;
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    putPolicy(bench, 'a/1', 'cm');
    await untilLast(bench, (last) => keysOf(last) === 'a/1');
    expect(delivered.map(dataOf)).toEqual([{}, { 'a/cm': 'v1' }]);
  });

  it('are forgotten with the last policy that names them', async () => {
    const bench = use();
    const { server } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    putPolicy(bench, 'a/1');
    await untilLast(bench, (last) => dataOf(last)['a/cm'] === undefined);
    putConfigMap(bench, 'a/cm', 'v2');
    await settle();
    expect(server.requestsOf('get')).toHaveLength(1);
  });

  it('keep only entries that are text', async () => {
    const bench = use();
    const { server, delivered } = bench;
    putPolicy(bench, 'a/1', 'cm');
    server.store.put('configmaps', 'a/cm', { data: { ca: 'v1', odd: 1 }, binaryData: { b: 'AA==' } });
    await startSynced(bench);
    expect(delivered[0]?.configMaps.get('a/cm')).toEqual({ data: { ca: 'v1' } });
  });

  it('are found gone when they were deleted while nobody watched', async () => {
    const bench = use();
    const { server, clock, log, delivered } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    clock.advance(2000);
    await server.stop();
    server.store.remove('configmaps', 'a/cm');
    server.compact();
    await server.start();
    await until(() => log.lines.length >= 2);
    clock.advance(1000);
    await until(() => log.lines.filter(({ fields }) => fields?.code === 410).length >= 1);
    await until(() => {
      clock.advance(10);
      return delivered.at(-1)?.configMaps.size === 0;
    });
  });
});

describe('when a ConfigMap cannot be read', () => {
  it('the first delivery comes without it, and it follows', async () => {
    const bench = use();
    const { server, clock, delivered } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putPolicy(bench, 'a/2');
    putConfigMap(bench, 'a/cm', 'v1');
    server.failNext('get', { status: 500 });
    await startSynced(bench);
    expect([delivered.map(keysOf), delivered.map(dataOf)]).toEqual([['a/1 a/2'], [{}]]);
    clock.advance(800);
    await untilLast(bench, (last) => dataOf(last)['a/cm'] === 'v1');
  });

  it('what was read of it before stays', async () => {
    const bench = use();
    const { server, clock, log } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    server.failNext('get', { status: 403, reason: 'Forbidden' });
    putConfigMap(bench, 'a/cm', 'v2');
    await until(() => log.lines.length === 1);
    putPolicy(bench, 'a/2');
    await untilLast(bench, (inputs) => keysOf(inputs) === 'a/1 a/2');
    expect(lastDataOf(bench)).toEqual({ 'a/cm': 'v1' });
    clock.advance(800);
    await untilLast(bench, (inputs) => dataOf(inputs)['a/cm'] === 'v2');
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      fields: { kind: 'ConfigMap', object: 'a/cm', code: 403 },
    });
  });

  it('it does not hold up the others for long', async () => {
    const bench = use();
    const { server, clock, delivered } = bench;
    await startSynced(bench);
    server.failNext('get', 'hang');
    putPolicy(bench, 'a/1', 'cm');
    putPolicy(bench, 'a/2');
    await until(() => {
      clock.advance(0.01);
      return server.requestsOf('get').length === 1;
    });
    clock.advance(499);
    await settle();
    expect(delivered).toHaveLength(1);
    clock.advance(1);
    await settle();
    expect(delivered.map(keysOf)).toEqual(['', 'a/1 a/2']);
  });

  it('one that is deleted during the read does not come back', async () => {
    const bench = use();
    const { server, clock } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    await startSynced(bench);
    server.failNext('get', 'hang');
    putConfigMap(bench, 'a/cm', 'v2');
    await until(() => server.requestsOf('get').length === 2);
    server.store.remove('configmaps', 'a/cm');
    await untilLast(bench, (last) => dataOf(last)['a/cm'] === undefined);
    clock.advance(10_000);
    await settle();
    clock.advance(10_000);
    await settle();
    expect(lastDataOf(bench)).toEqual({});
  });

  it('policies are delivered also when no ConfigMap may be listed', async () => {
    const bench = use();
    const { api } = bench;
    putPolicy(bench, 'a/1', 'cm');
    putConfigMap(bench, 'a/cm', 'v1');
    start(bench, {
      api: {
        ...api,
        list: (path, ...rest) =>
          path.includes('configmaps')
            ? Promise.reject(new ApiError(403, 'Forbidden'))
            : api.list(path, ...rest),
      },
    });
    await untilLast(bench, (last) => dataOf(last)['a/cm'] === 'v1');
  });
});
