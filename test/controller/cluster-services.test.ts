import { describe, expect, it } from 'vitest';
import { settle } from '../fixtures/fake-clock.ts';
import {
  keysOf,
  putPolicy,
  putUpstreamPolicy,
  type SourceBench,
  start,
  startSynced,
  untilLast,
  useSourceBench,
} from './source-bench.ts';

const use = useSourceBench();

const spec = { clusterIP: '10.0.0.1', selector: { app: 'mcp' }, ports: [{ port: 80 }] };

function putService({ server }: SourceBench, key: string, change: object = {}): void {
  server.store.put('services', key, { spec: { ...spec, ...change } });
}

const serviceOf = ({ delivered }: SourceBench) => delivered.at(-1)?.services.get('a/mcp');

describe('the Services that policies name', () => {
  it('are read before the first delivery, the others never', async () => {
    const bench = use();
    const { server, delivered } = bench;
    putUpstreamPolicy(bench, 'a/1', 'mcp');
    for (const key of ['a/mcp', 'a/other', 'b/mcp']) putService(bench, key);
    await startSynced(bench);
    const ports = [{ port: 80, protocol: 'TCP' }];
    expect(delivered.map(({ services }) => [...services])).toEqual([
      [['a/mcp', { type: 'ClusterIP', clusterIP: '10.0.0.1', hasSelector: true, ports }]],
    ]);
    expect(server.requestsOf('get').map(({ path }) => path)).toEqual(['/api/v1/namespaces/a/services/mcp']);
  });

  it('are watched by their metadata only', async () => {
    const bench = use();
    await startSynced(bench);
    const accepts = bench.server.requests
      .filter(({ path }) => path === '/api/v1/services')
      .map(({ headers }) => headers.accept);
    expect(accepts).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
  });

  it('are no ConfigMaps of the same name', async () => {
    const bench = use();
    putUpstreamPolicy(bench, 'a/1', 'mcp');
    bench.server.store.put('configmaps', 'a/mcp', { data: {} });
    await startSynced(bench);
    expect(bench.delivered.map(({ services, configMaps }) => [services.size, configMaps.size])).toEqual([
      [0, 0],
    ]);
  });

  it('are there, and as they are, with every edit', async () => {
    const bench = use();
    const { server, log } = bench;
    putUpstreamPolicy(bench, 'a/1', 'mcp');
    await startSynced(bench);
    expect(serviceOf(bench)).toBeUndefined();
    putService(bench, 'a/mcp');
    await untilLast(bench, () => serviceOf(bench)?.clusterIP === '10.0.0.1');
    putService(bench, 'a/mcp', { clusterIP: '10.0.0.2' });
    await untilLast(bench, () => serviceOf(bench)?.clusterIP === '10.0.0.2');
    putService(bench, 'a/mcp', { ports: [{ port: 80, appProtocol: 'https' }] });
    await untilLast(bench, () => serviceOf(bench)?.ports[0]?.appProtocol === 'https');
    putService(bench, 'a/mcp', { selector: undefined });
    await untilLast(bench, () => serviceOf(bench)?.hasSelector === false);
    putService(bench, 'a/mcp', { type: 'ExternalName' });
    await untilLast(bench, () => serviceOf(bench)?.type === 'ExternalName');
    server.store.remove('services', 'a/mcp');
    await untilLast(bench, () => serviceOf(bench) === undefined);
    expect(log.lines).toEqual([]);
  });

  it('are as good as deleted while they are being deleted', async () => {
    const bench = use();
    putUpstreamPolicy(bench, 'a/1', 'mcp');
    putService(bench, 'a/mcp');
    await startSynced(bench);
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    bench.server.store.put('services', 'a/mcp', { spec, metadata });
    await untilLast(bench, () => serviceOf(bench) === undefined);
  });

  it('come from the given namespaces only', async () => {
    const bench = use();
    for (const namespace of ['a', 'b']) {
      putUpstreamPolicy(bench, `${namespace}/1`, 'mcp');
      putService(bench, `${namespace}/mcp`);
    }
    await startSynced(bench, ['a']);
    expect(bench.delivered.map(({ services }) => [...services.keys()])).toEqual([['a/mcp']]);
    expect(bench.server.requests.every(({ path }) => path.includes('namespaces/a/'))).toBe(true);
  });
});

describe('without the right to list Services', () => {
  it('policies are delivered, and are followed', async () => {
    const bench = use();
    const { api } = bench;
    putPolicy(bench, 'a/1');
    const list: typeof api.list = (path, ...rest) =>
      path.endsWith('/services') ? Promise.reject(new Error('refused')) : api.list(path, ...rest);
    start(bench, { api: { ...api, list } });
    await untilLast(bench, (last) => keysOf(last) === 'a/1');
    putPolicy(bench, 'a/2');
    await untilLast(bench, (last) => keysOf(last) === 'a/1 a/2');
    await settle();
  });
});
