import { describe, expect, it } from 'vitest';
import { ApiError } from '../../operator/controller/api-error.ts';
import { startClusterSource } from '../../operator/controller/cluster-source.ts';
import { createKubeApi, type KubeApi } from '../../operator/controller/kube-api.ts';
import { createReviewToken } from '../../operator/controller/token-reviews.ts';
import { createWorkQueue } from '../../operator/controller/work-queue.ts';
import type { ApiRequest } from '../../operator/telemetry/api-server-metrics.ts';
import type { RestartCause } from '../../operator/telemetry/collection-metrics.ts';
import { createMetrics, type Metrics } from '../../operator/telemetry/metrics.ts';
import { createFakeClock, settle, until } from '../fixtures/fake-clock.ts';
import { scrape } from '../fixtures/scrape.ts';
import { useApiBench } from './api-bench.ts';
import type { RequestFault, WatchFault } from './fake-faults.ts';
import { catchUp, plural, start, startSynced, useReflectorBench } from './reflector-bench.ts';

const { bench: useReflector } = useReflectorBench();
const useApi = useApiBench();
const resource = 'resource="mcpauthpolicies"';
const lastSync = `mcp_auth_source_last_sync_timestamp_seconds{${resource}}`;

describe('a watch that was ended is counted', () => {
  it.each<[WatchFault, RestartCause, number]>([
    ['end', 'ended', 0],
    ['reset', 'disconnected', 0],
    ['truncated-line', 'disconnected', 0],
    ['error-event', 'server_error', 0],
    ['gone-event', 'expired', 1],
    ['not-json', 'malformed', 1],
    ['unknown-type', 'malformed', 1],
    ['stall', 'silent', 1],
  ])('by %s as %s', async (fault, cause, relists) => {
    const bench = useReflector();
    const metrics = createMetrics('1');
    const reflector = await startSynced(bench, { metrics: metrics.collections.mcpauthpolicies });
    bench.clock.advance(2000);
    bench.server.breakWatches(fault);
    bench.server.store.put(plural, 'ns/d');
    if (fault === 'stall') bench.clock.advance(55_000);
    await catchUp(bench, reflector);
    const { series, read } = await scrape(metrics);
    const restarts = series.filter(({ name, value }) => name.includes('restarts') && value > 0);
    expect(restarts.map(({ labels }) => labels.cause)).toEqual([cause]);
    expect(read(`mcp_auth_relists_total{${resource}}`)).toBe(relists);
    expect(read(`mcp_auth_cached_objects{${resource}}`)).toBe(4);
    expect(read('mcp_auth_cached_objects{resource="configmaps"}')).toBe(0);
  });

  it.each<[RequestFault, RestartCause]>([
    [{ status: 403, reason: 'Forbidden' }, 'refused'],
    [{ status: 410, reason: 'Expired' }, 'expired'],
    ['reset', 'disconnected'],
    [{ body: '' }, 'too_short'],
  ])('when it does not even begin (%j) as %s', async (fault, cause) => {
    const bench = useReflector();
    const metrics = createMetrics('1');
    bench.server.failNext('watch', fault);
    const reflector = start(bench, { metrics: metrics.collections.mcpauthpolicies });
    await until(() => reflector.state().kind === 'waiting');
    const { read } = await scrape(metrics);
    expect(read(`mcp_auth_watch_restarts_total{${resource},cause="${cause}"}`)).toBe(1);
  });

  it('by an event out of order as malformed', async () => {
    const bench = useReflector();
    const metrics = createMetrics('1');
    const reflector = await startSynced(bench, { metrics: metrics.collections.mcpauthpolicies });
    bench.server.sendEvent('MODIFIED', bench.server.store.get(plural, 'ns/a'));
    await until(() => reflector.state().kind === 'waiting');
    const { series } = await scrape(metrics);
    const restarts = series.filter(({ name, value }) => name.includes('restarts') && value > 0);
    expect(restarts.map(({ labels }) => labels.cause)).toEqual(['malformed']);
  });

  it('but not a list that failed', async () => {
    const bench = useReflector();
    const metrics = createMetrics('1');
    bench.server.failNext('list', { status: 500 });
    const reflector = start(bench, { metrics: metrics.collections.mcpauthpolicies });
    await until(() => reflector.state().kind === 'waiting');
    const { series } = await scrape(metrics);
    expect(series.filter(({ name, value }) => name.includes('restarts') && value > 0)).toEqual([]);
  });

  it('but not when the operator stops', async () => {
    const bench = useReflector();
    const metrics = createMetrics('1');
    await (await startSynced(bench, { metrics: metrics.collections.mcpauthpolicies })).stop();
    const { series } = await scrape(metrics);
    expect(series.filter(({ name, value }) => name.includes('restarts') && value > 0)).toEqual([]);
  });
});

describe('the last sync', () => {
  const at = (metrics: Metrics): Promise<number | undefined> =>
    scrape(metrics).then(({ read }) => read(lastSync));

  it('is moved on by a list, an event, a bookmark and the end of a watch, and by nothing else', async () => {
    const bench = useReflector();
    const { clock, server } = bench;
    const metrics = createMetrics('1');
    server.failNext('list', { status: 500 });
    const reflector = start(bench, { metrics: metrics.collections.mcpauthpolicies });
    await until(() => reflector.state().kind === 'waiting');
    expect(await at(metrics)).toBe(0);
    clock.advance(1000);
    await until(() => server.openWatches === 1);
    const listed = clock.nowMs() / 1000;
    expect(await at(metrics)).toBe(listed);
    clock.advance(10_000);
    expect(await at(metrics)).toBe(listed);
    server.store.put(plural, 'ns/d');
    await until(() => reflector.snapshot().size === 4);
    expect(await at(metrics)).toBe(listed + 10);
    clock.advance(10_000);
    server.store.put('configmaps', 'ns/other');
    server.bookmark();
    await until(() => {
      const state = reflector.state();
      return state.kind === 'watching' && state.resourceVersion === `${server.store.version}`;
    });
    expect(await at(metrics)).toBe(listed + 20);
    clock.advance(10_000);
    server.breakWatches('end');
    await until(() => server.requestsOf('watch').length === 2 && server.openWatches === 1);
    expect(await at(metrics)).toBe(listed + 30);
    clock.advance(10_000);
    server.breakWatches('reset');
    await until(() => reflector.state().kind === 'waiting');
    expect(await at(metrics)).toBe(listed + 30);
  });

  it('is not there without a cluster, and of several namespaces that of the one furthest behind', async () => {
    const bench = useReflector();
    const { server, clock, api, log } = bench;
    const metrics = createMetrics('1');
    expect(await at(metrics)).toBeUndefined();
    server.store.put('configmaps', 'ns/a');
    const source = startClusterSource({
      ...{ api, clock, log, random: () => 0, onInputs: () => undefined },
      namespaces: ['ns', 'other'],
      metrics: metrics.collections,
    });
    await until(() => server.openWatches === 6);
    clock.advance(1000);
    server.store.put(plural, 'ns/d');
    server.store.put(plural, 'other/e');
    const holds = async (objects: number): Promise<void> => {
      for (let turn = 0; turn < 1000; turn += 1) {
        if ((await scrape(metrics)).read(`mcp_auth_cached_objects{${resource}}`) === objects) return;
        await settle(1);
      }
      expect.unreachable();
    };
    await holds(5);
    const both = clock.nowMs() / 1000;
    expect(await at(metrics)).toBe(both);
    clock.advance(1000);
    server.store.put(plural, 'ns/f');
    await holds(6);
    expect(await at(metrics)).toBe(both);
    expect((await scrape(metrics)).read('mcp_auth_cached_objects{resource="configmaps"}')).toBe(1);
    await source.stop();
  });
});

describe('requests to the API server', () => {
  function connect(metrics: Metrics, server = useApi().server.url): KubeApi {
    const { clock } = useApi();
    const [authenticate, renew] = [async () => undefined, () => undefined];
    return createKubeApi({ server, clock, authenticate, renew, metrics: metrics.apiServer });
  }

  it('are counted by code, method and host, and timed', async () => {
    const { server } = useApi();
    const metrics = createMetrics('1');
    const api = connect(metrics);
    server.failNext('get', { status: 500 }, 'reset');
    await api.list('/api/v1/configmaps', {});
    await api.get('/api/v1/namespaces/ns/configmaps/none').catch(() => undefined);
    await api.get('/api/v1/namespaces/ns/configmaps/none').catch(() => undefined);
    await api.create('/api/v1/anything', {}).catch(() => undefined);
    api.close();
    const host = new URL(server.url).host;
    const { series, read } = await scrape(metrics);
    expect(
      series
        .filter(({ name }) => name === 'rest_client_requests_total')
        .map(({ labels, value }) => ({ ...labels, value })),
    ).toEqual([
      { code: '200', method: 'GET', host, value: 1 },
      { code: '500', method: 'GET', host, value: 1 },
      { code: '<error>', method: 'GET', host, value: 1 },
      { code: '404', method: 'POST', host, value: 1 },
    ]);
    expect(read(`rest_client_request_duration_seconds_count{verb="GET",host="${host}"}`)).toBe(3);
  });

  it('count a watch when it begins', async () => {
    const { server } = useApi();
    const metrics = createMetrics('1');
    const api = connect(metrics);
    const ending = new AbortController();
    let events = 0;
    const watching = (async () => {
      const query = { resourceVersion: '100' };
      for await (const _ of api.watch('/api/v1/configmaps', query, { signal: ending.signal })) events += 1;
    })().catch(() => undefined);
    await until(() => server.openWatches === 1);
    server.bookmark();
    await until(() => events === 1);
    const series = `rest_client_requests_total{code="200",method="GET",host="${new URL(server.url).host}"}`;
    expect((await scrape(metrics)).read(series)).toBe(1);
    ending.abort();
    await watching;
    expect((await scrape(metrics)).read(series)).toBe(1);
  });

  it.each([
    ['authenticated', { status: { authenticated: true, user: { username: 'a' } } }],
    ['not_authenticated', { status: {} }],
    ['failed', {}],
  ])('reviews of tokens are counted: %s', async (outcome, answer) => {
    const { server } = useApi();
    const metrics = createMetrics('1');
    server.answers.set('/apis/authentication.k8s.io/v1/tokenreviews', answer);
    await createReviewToken(useApi().api, metrics.apiServer)('a-secret-token', []);
    const { series } = await scrape(metrics);
    const counted = series.filter(({ name, value }) => name === 'mcp_auth_token_reviews_total' && value > 0);
    expect(counted).toEqual([{ name: 'mcp_auth_token_reviews_total', labels: { outcome }, value: 1 }]);
    expect(await metrics.render()).not.toContain('a-secret-token');
  });
});

describe('the clock', () => {
  const offset = 'mcp_auth_clock_offset_seconds';

  function measure() {
    const { server, clock } = useApi();
    const metrics = createMetrics('1');
    const [authenticate, renew] = [async () => undefined, () => undefined];
    let noted = 0;
    const noteRequest = (request: ApiRequest): void => {
      noted += 1;
      metrics.apiServer.noteRequest(request);
    };
    const api = createKubeApi({ server: server.url, clock, authenticate, renew, metrics: { noteRequest } });
    const dateAt = (seconds: number): string => new Date(clock.nowMs() + seconds * 1000).toUTCString();
    return {
      ...{ api, server, clock, dateAt, noted: () => noted },
      read: async () => (await scrape(metrics)).read(offset),
      ask: () => api.get('/api/v1/namespaces/ns/configmaps/none').catch(() => undefined),
    };
  }

  it('is compared with the Date of each answer, whatever that says, and of the last one', async () => {
    const { api, server, dateAt, read, ask } = measure();
    server.dates = () => [dateAt(600)];
    await ask();
    expect(await read()).toBe(-600.5);
    server.dates = () => [dateAt(-600)];
    await ask();
    expect(await read()).toBe(599.5);
    server.failNext('get', { status: 500 });
    server.dates = () => [dateAt(-30)];
    await ask();
    expect(await read()).toBe(29.5);
    api.close();
  });

  it('is taken at the middle of an exchange, also when it is set meanwhile', async () => {
    const { api, server, clock, dateAt, read, ask } = measure();
    server.dates = () => {
      clock.advance(8000);
      return [dateAt(0)];
    };
    await ask();
    expect(await read()).toBe(-4.5);
    server.dates = () => {
      const date = dateAt(0);
      clock.setWallClock(clock.nowMs() + 3_600_000);
      return [date];
    };
    await ask();
    expect(await read()).toBe(3599.5);
    api.close();
  });

  it('is compared when a watch begins', async () => {
    const { api, server, dateAt, noted, read } = measure();
    server.dates = () => [dateAt(60)];
    const ending = new AbortController();
    const watching = (async () => {
      const query = { resourceVersion: '100' };
      for await (const _ of api.watch('/api/v1/configmaps', query, { signal: ending.signal }));
    })().catch(() => undefined);
    await until(() => noted() === 1);
    expect(await read()).toBe(-60.5);
    ending.abort();
    await watching;
    api.close();
  });

  it('is not known before the first answer, and is what it was after one that says nothing', async () => {
    const { api, server, dateAt, read, ask } = measure();
    const useless = [[], ['now'], [dateAt(0), dateAt(0)]];
    expect(await read()).toBeUndefined();
    for (const dates of useless) {
      server.dates = () => dates;
      await ask();
      expect(await read()).toBeUndefined();
    }
    server.dates = () => [dateAt(-60)];
    await ask();
    for (const dates of useless) {
      server.dates = () => dates;
      await ask();
      expect(await read()).toBe(59.5);
    }
    server.dates = undefined;
    server.failNext('get', 'reset');
    await ask();
    expect(await read()).toBe(59.5);
    api.close();
  });
});

describe('the queue', () => {
  const labels = 'name="status",controller="status"';

  it('tells what waits, what is worked on and for how long, and how it ended', async () => {
    const clock = createFakeClock();
    const metrics = createMetrics('1');
    const ends = new Map<string, PromiseWithResolvers<void>>();
    const queue = createWorkQueue({
      work(key) {
        const end = Promise.withResolvers<void>();
        ends.set(key, end);
        return end.promise;
      },
      onFailure: () => undefined,
      concurrency: 2,
      backOff: { firstMs: 1_000_000, maxMs: 1_000_000 },
      ...{ clock, random: () => 0, metrics: metrics.statusQueue },
    });
    const read = async (series: string): Promise<number | undefined> => (await scrape(metrics)).read(series);
    queue.add('a');
    clock.advance(3000);
    for (const key of ['b', 'c', 'c', 'd']) queue.add(key);
    for (const key of ['d', 'e', 'f', 'e']) queue.add(key, 'later');
    clock.advance(1000);
    queue.add('e');
    expect(await read(`workqueue_adds_total{${labels}}`)).toBe(6);
    expect(await read(`workqueue_depth{${labels},priority="first"}`)).toBe(3);
    expect(await read(`workqueue_depth{${labels},priority="later"}`)).toBe(1);
    expect(await read(`workqueue_unfinished_work_seconds{${labels}}`)).toBe(5);
    expect(await read(`workqueue_longest_running_processor_seconds{${labels}}`)).toBe(4);

    ends.get('a')?.resolve();
    await settle();
    ends.get('b')?.reject(new ApiError(500, 'Any'));
    await settle();
    ends.get('c')?.reject(new TypeError('a bug'));
    await settle();
    expect(await read(`workqueue_work_duration_seconds_sum{${labels}}`)).toBe(4 + 1 + 0);
    // Those that were called out of the other line have waited there too.
    expect(await read(`workqueue_queue_duration_seconds_sum{${labels}}`)).toBe(0 + 0 + 1 + 1 + 1);
    expect(await read(`workqueue_retries_total{${labels}}`)).toBe(2);
    const ended = 'controller_runtime_reconcile_total{controller="status"';
    expect(await read(`${ended},result="success"}`)).toBe(1);
    expect(await read(`${ended},result="error"}`)).toBe(2);
    expect(await read('controller_runtime_reconcile_errors_total{controller="status"}')).toBe(2);
    expect(await read('controller_runtime_reconcile_panics_total{controller="status"}')).toBe(1);
    expect(await read('controller_runtime_reconcile_time_seconds_sum{controller="status"}')).toBe(5);

    const closed = queue.close();
    for (const { reject } of ends.values()) reject(new ApiError(0, 'Aborted'));
    await closed;
    expect(await read(`${ended},result="error"}`)).toBe(2);
  });
});
