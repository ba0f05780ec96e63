import { describe, expect, it } from 'vitest';
import { ApiError } from '../../operator/controller/api-error.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { untilAborted } from '../../operator/time/deadline.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import {
  dataOf,
  keysOf,
  putConfigMap,
  putPolicy,
  type SourceBench,
  start,
  untilLast,
  useSourceBench,
} from './source-bench.ts';

const use = useSourceBench();
const forbidden = new ApiError(403, 'Forbidden');
const patienceMs = 10_000;

/** The paths that the API server does not list, and why; may be changed at any time. */
type Refusals = Map<string, ApiError>;

function startRefused(bench: SourceBench, refusals: Refusals, namespaces?: readonly string[]): void {
  const { api } = bench;
  const list: KubeApi['list'] = async (path, ...rest) => {
    const [, error] = [...refusals].find(([part]) => path.includes(part)) ?? [];
    if (error !== undefined) throw error;
    return api.list(path, ...rest);
  };
  start(bench, { api: { ...api, list }, ...(namespaces === undefined ? {} : { namespaces }) });
}

/** In steps, since what a retry leads to begins after it. */
async function pass({ clock }: SourceBench, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(Math.min(100, ms - passed));
    await settle(5);
  }
  await settle();
}

const summary = ({ log }: SourceBench) =>
  log.lines
    .filter(({ message }) => message.includes('denied'))
    .map(({ level, fields }) => [level, fields.namespaces]);

describe('a namespace whose policies may not be listed', () => {
  it('holds up the others for a while, and no longer', async () => {
    const bench = use();
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'b/1');
    startRefused(bench, new Map([['/b/', forbidden]]), ['a', 'b', 'c']);
    await until(() => bench.server.openWatches === 6);
    await pass(bench, patienceMs - 100);
    expect(bench.delivered).toEqual([]);
    await pass(bench, 200);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1']);
    expect(summary(bench)).toEqual([['warn', 'b']]);
    putPolicy(bench, 'a/2');
    await pass(bench, 30_000);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1', 'a/1 a/2']);
    expect(summary(bench)).toHaveLength(1);
  });

  it('appears when the right comes, with what its policies name', async () => {
    const bench = use();
    const refusals: Refusals = new Map([['/b/', forbidden]]);
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'b/1', 'cm');
    putConfigMap(bench, 'b/cm', 'of b');
    startRefused(bench, refusals, ['a', 'b']);
    await until(() => bench.server.openWatches === 3);
    await pass(bench, 10_100);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1']);
    refusals.clear();
    await pass(bench, 20_000);
    await untilLast(bench, (last) => keysOf(last) === 'a/1 b/1' && dataOf(last)['b/cm'] === 'of b');
    putConfigMap(bench, 'b/cm', 'new');
    await untilLast(bench, (last) => dataOf(last)['b/cm'] === 'new');
  });

  it('is not waited for when the right comes in time', async () => {
    const bench = use();
    const refusals: Refusals = new Map([['/b/', forbidden]]);
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'b/1');
    startRefused(bench, refusals, ['a', 'b']);
    await pass(bench, 1_000);
    refusals.clear();
    await pass(bench, 4_000);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1 b/1']);
    expect(summary(bench)).toEqual([]);
  });

  it('holds up none any more when it fails in another way later', async () => {
    const bench = use();
    const refusals: Refusals = new Map([['/b/', forbidden]]);
    startRefused(bench, refusals, ['a', 'b']);
    await pass(bench, 10_100);
    expect(bench.delivered).toHaveLength(1);
    refusals.set('/b/', new ApiError(500, 'InternalError'));
    await pass(bench, 30_000);
    putPolicy(bench, 'a/1');
    await untilLast(bench, (last) => keysOf(last) === 'a/1');
  });

  it('stays one while it is asked again', async () => {
    const bench = use();
    const { api } = bench;
    let asked = 0;
    putPolicy(bench, 'a/1');
    const list: KubeApi['list'] = async (path, query, options) => {
      if (!path.includes('/b/mcpauthpolicies')) return api.list(path, query, options);
      asked += 1;
      if (asked === 1) throw forbidden;
      return untilAborted(
        Promise.withResolvers<never>().promise,
        options?.signal ?? new AbortController().signal,
      );
    };
    start(bench, { api: { ...api, list }, namespaces: ['a', 'b'] });
    await pass(bench, patienceMs + 100);
    expect([asked, bench.delivered.map(keysOf)]).toEqual([2, ['a/1']]);
  });

  it('is told from one that fails: that may pass', async () => {
    const bench = use();
    const refusals: Refusals = new Map([['/b/', new ApiError(500, 'InternalError')]]);
    putPolicy(bench, 'a/1');
    startRefused(bench, refusals, ['a', 'b']);
    for (const error of [new ApiError(401, 'Unauthorized'), new ApiError(0, 'ConnectionFailed')]) {
      await pass(bench, 60_000);
      refusals.set('/b/', error);
    }
    await pass(bench, 60_000);
    expect(bench.delivered).toEqual([]);
    refusals.set('/b/', forbidden);
    await pass(bench, 25_000);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1']);
  });

  it('is waited for while no other may be listed, either', async () => {
    const bench = use();
    const refusals: Refusals = new Map([
      ['/a/mcpauthpolicies', forbidden],
      ['/b/mcpauthpolicies', forbidden],
    ]);
    putPolicy(bench, 'a/1');
    startRefused(bench, refusals, ['a', 'b']);
    await pass(bench, 60_000);
    expect(bench.delivered).toEqual([]);
    refusals.delete('/a/mcpauthpolicies');
    await pass(bench, 25_000);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1']);
    expect(summary(bench)).toEqual([['warn', 'b']]);
  });

  it('is the whole cluster without a list of namespaces: nothing is delivered', async () => {
    const bench = use();
    startRefused(bench, new Map([['/mcpauthpolicies', forbidden]]));
    await pass(bench, 120_000);
    expect(bench.delivered).toEqual([]);
  });
});

describe('a namespace whose other objects may not be listed', () => {
  it.each([
    ['are read all the same, where that is allowed', false, { 'a/cm': 'of a', 'b/cm': 'of b' }],
    ['are missing where they may not be read, either', true, { 'a/cm': 'of a' }],
  ])('they %s', async (_, isReadRefused, expected) => {
    const bench = use();
    const { api } = bench;
    const refusals: Refusals = new Map([
      ['/b/configmaps', forbidden],
      ['/b/services', forbidden],
    ]);
    for (const namespace of ['a', 'b']) {
      putPolicy(bench, `${namespace}/1`, 'cm');
      putConfigMap(bench, `${namespace}/cm`, `of ${namespace}`);
    }
    const get: KubeApi['get'] = async (path, ...rest) => {
      if (isReadRefused && path.includes('/b/')) throw forbidden;
      return api.get(path, ...rest);
    };
    startRefused({ ...bench, api: { ...api, get } }, refusals, ['a', 'b']);
    await untilLast(bench, () => true);
    expect(bench.delivered.map(keysOf)).toEqual(['a/1 b/1']);
    expect(bench.delivered.map(dataOf)).toEqual([expected]);
  });

  it('is followed when the right comes', async () => {
    const bench = use();
    const refusals: Refusals = new Map([['/b/configmaps', forbidden]]);
    putPolicy(bench, 'a/1');
    putPolicy(bench, 'b/1', 'cm');
    putConfigMap(bench, 'b/cm', 'old');
    startRefused(bench, refusals, ['a', 'b']);
    await untilLast(bench, (last) => dataOf(last)['b/cm'] === 'old');
    putConfigMap(bench, 'b/cm', 'new');
    refusals.clear();
    await pass(bench, 20_000);
    await untilLast(bench, (last) => dataOf(last)['b/cm'] === 'new');
  });
});
