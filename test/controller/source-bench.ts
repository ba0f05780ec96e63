import { afterEach, beforeEach } from 'vitest';
import {
  type ClusterSource,
  type ClusterSourceOptions,
  startClusterSource,
} from '../../operator/controller/cluster-source.ts';
import { createKubeApi, type KubeApi } from '../../operator/controller/kube-api.ts';
import type { SourceInputs } from '../../operator/policy/inputs.ts';
import { createFakeClock, type FakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { FakeApiServer } from './fake-api-server.ts';

/** A fake API server and what a source needs; new for each test. */
export interface SourceBench {
  readonly server: FakeApiServer;
  readonly clock: FakeClock;
  readonly api: KubeApi;
  readonly log: ReturnType<typeof recordLog>;
  /** What the sources have delivered. */
  readonly delivered: SourceInputs[];
  readonly sources: ClusterSource[];
}

/** Registers the hooks that make and clear the bench, and returns where it is. */
export function useSourceBench(): () => SourceBench {
  let current: SourceBench | undefined;
  beforeEach(async () => {
    const server = new FakeApiServer();
    await server.start();
    const clock = createFakeClock();
    const api = createKubeApi({
      ...{ server: server.url, clock },
      authenticate: async () => undefined,
      renew: () => undefined,
    });
    current = { server, clock, api, log: recordLog(), delivered: [], sources: [] };
  });
  afterEach(async () => {
    await Promise.all((current?.sources ?? []).map((source) => source.stop()));
    current?.api.close();
    await current?.server.stop();
  });
  return () => {
    if (current === undefined) {
      throw new Error('only within a test');
    }
    return current;
  };
}

export function start(bench: SourceBench, options: Partial<ClusterSourceOptions> = {}): ClusterSource {
  const { api, clock, log, delivered } = bench;
  const onInputs = (inputs: SourceInputs): void => {
    delivered.push(inputs);
  };
  const source = startClusterSource({ api, clock, random: () => 0, log, onInputs, ...options });
  bench.sources.push(source);
  return source;
}

/** Lets bursts be over, and nothing longer, until something holds of the last delivery. */
export async function untilLast(
  { clock, delivered }: SourceBench,
  holds: (last: SourceInputs) => boolean,
): Promise<void> {
  await until(() => {
    clock.advance(0.01);
    const last = delivered.at(-1);
    return last !== undefined && holds(last);
  });
}

export async function startSynced(bench: SourceBench, namespaces?: readonly string[]): Promise<void> {
  start(bench, namespaces === undefined ? {} : { namespaces });
  await until(() => bench.server.openWatches === 3 * (namespaces?.length ?? 1));
  await untilLast(bench, () => true);
}

export function putPolicy(
  { server }: SourceBench,
  key: string,
  configMap?: string,
  metadata: object = {},
): void {
  const spec = configMap === undefined ? {} : { caBundleRef: { name: configMap, key: 'ca' } };
  server.store.put('mcpauthpolicies', key, { metadata, spec });
}

/** A policy in front of a Service, port 80. */
export function putUpstreamPolicy({ server }: SourceBench, key: string, name: string): void {
  server.store.put('mcpauthpolicies', key, { spec: { upstream: { service: { name, port: 80 } } } });
}

export function putConfigMap({ server }: SourceBench, key: string, ca: string): void {
  server.store.put('configmaps', key, { data: { ca } });
}

export function keysOf({ policies }: SourceInputs): string {
  return policies.map(({ object }) => `${object.metadata.namespace}/${object.metadata.name}`).join(' ');
}

/** The entry `ca` of each ConfigMap. */
export function dataOf({ configMaps }: SourceInputs): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...configMaps].map(([key, { data }]) => [key, data.ca]));
}

/** The same of the last delivery. */
export function lastDataOf({ delivered }: SourceBench): Readonly<Record<string, unknown>> | undefined {
  const last = delivered.at(-1);
  return last && dataOf(last);
}
