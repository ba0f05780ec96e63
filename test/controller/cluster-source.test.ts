import { describe, expect, it } from 'vitest';
import { ApiError } from '../../operator/controller/api-error.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import {
  dataOf,
  keysOf,
  putConfigMap,
  putPolicy,
  start,
  startSynced,
  untilLast,
  useSourceBench,
} from './source-bench.ts';

const use = useSourceBench();

describe('the policies of a cluster', () => {
  it('are delivered whole, and again after each change', async () => {
    const bench = use();
    const { server, delivered } = bench;
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'b/2');
    await startSynced(bench);
    expect(delivered.map(keysOf)).toEqual(['a/1 b/2']);
    putPolicy(bench, 'b/3');
    await untilLast(bench, (last) => keysOf(last) === 'a/1 b/2 b/3');
    server.store.remove('mcpauthpolicies', 'a/1');
    await untilLast(bench, (last) => keysOf(last) === 'b/2 b/3');
  });

  it('are delivered also when there are none', async () => {
    const bench = use();
    const { delivered } = bench;
    await startSynced(bench);
    expect(delivered).toEqual([
      { policies: [], configMaps: new Map(), services: new Map(), serviceAddresses: 'unused' },
    ]);
  });

  it('come from the given namespaces only', async () => {
    const bench = use();
    const { server, delivered } = bench;
    for (const key of ['a/1', 'b/2', 'c/3']) {
      putPolicy(bench, key, 'cm');
      putConfigMap(bench, key.replace(/\d/, 'cm'), key);
    }
    await startSynced(bench, ['a', 'c']);
    expect(delivered.map(keysOf)).toEqual(['a/1 c/3']);
    putConfigMap(bench, 'c/cm', 'new');
    await untilLast(bench, (last) => dataOf(last)['c/cm'] === 'new');
    expect(server.requests.every(({ path }) => /namespaces\/[ac]\//.test(path))).toBe(true);
  });

  it('leave out one that is being deleted', async () => {
    const bench = use();
    const { delivered } = bench;
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'a/2', undefined, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    await startSynced(bench);
    expect(delivered.map(keysOf)).toEqual(['a/1']);
    putPolicy(bench, 'a/1', undefined, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    await untilLast(bench, (last) => keysOf(last) === '');
  });

  it('are not delivered before every list is complete', async () => {
    const bench = use();
    const { clock, delivered, api } = bench;
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'b/1');
    let isBroken = true;
    const list: KubeApi['list'] = (path, ...rest) =>
      isBroken && path.endsWith('/b/mcpauthpolicies')
        ? Promise.reject(new ApiError(500, 'InternalError'))
        : api.list(path, ...rest);
    start(bench, { namespaces: ['a', 'b'], api: { ...api, list } });
    await settle();
    clock.advance(700);
    await settle();
    expect(delivered).toEqual([]);
    isBroken = false;
    clock.advance(100);
    await untilLast(bench, () => true);
    expect(delivered.map(keysOf)).toEqual(['a/1 b/1']);
  });

  it('are delivered once for a burst', async () => {
    const bench = use();
    const { clock, delivered } = bench;
    await startSynced(bench);
    for (let index = 0; index < 50; index += 1) {
      putPolicy(bench, `a/${index}`);
    }
    await settle();
    clock.advance(20);
    await settle();
    clock.advance(1000);
    await settle();
    expect(delivered.map(({ policies }) => policies.length)).toEqual([0, 50]);
  });

  it('leave four fifths of the time to others where taking them over takes long', async () => {
    const bench = use();
    const { delivered } = bench;
    let workedMs = 0;
    const clock = { ...bench.clock, monotonicMs: () => bench.clock.monotonicMs() + workedMs };
    start(bench, {
      clock,
      onInputs(inputs) {
        delivered.push(inputs);
        workedMs += 300;
      },
    });
    await until(() => bench.server.openWatches === 3);
    await untilLast(bench, () => true);
    putPolicy(bench, 'a/1');
    await settle();
    bench.clock.advance(1_199);
    await settle();
    expect(delivered).toHaveLength(1);
    bench.clock.advance(1);
    await until(() => delivered.length === 2);
  });

  it('go on being delivered when one delivery was not taken', async () => {
    const bench = use();
    const { log, delivered } = bench;
    start(bench, {
      onInputs(inputs) {
        delivered.push(inputs);
        throw new Error('a bug');
      },
    });
    await untilLast(bench, () => true);
    putPolicy(bench, 'a/1');
    await untilLast(bench, (last) => keysOf(last) === 'a/1');
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'error']);
  });

  it('are not delivered once the source has been stopped', async () => {
    const bench = use();
    const { server, clock, delivered } = bench;
    putPolicy(bench, 'a/1', 'cm');
    const source = start(bench);
    server.failNext('get', 'hang');
    await until(() => {
      clock.advance(0.01);
      return server.requestsOf('get').length === 1;
    });
    await source.stop();
    clock.advance(1000);
    await settle();
    expect([delivered, clock.pending().length]).toEqual([[], 0]);
  });
});
