import { afterEach, expect, it } from 'vitest';
import type { LiveReplica } from '../../operator/controller/replica-view.ts';
import { type ReplicaWatch, startReplicaWatch } from '../../operator/controller/replica-watch.ts';
import { until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { useApiBench } from './api-bench.ts';

const use = useApiBench();
let watch: ReplicaWatch | undefined;
let told: (readonly LiveReplica[])[] = [];

afterEach(() => watch?.stop());

function start(): ReplicaWatch {
  const { api, clock } = use();
  told = [];
  watch = startReplicaWatch({
    ...{ api, namespace: 'ns', labels: { app: 'mcp' }, clock, random: () => 0, log: recordLog() },
    onChange: (live) => told.push(live),
  });
  return watch;
}

function renew(name: string, renewTime: string, content: object = {}, labels: object = {}): void {
  use().server.store.put('leases', name.includes('/') ? name : `ns/${name}`, {
    metadata: { annotations: content, labels: { app: 'mcp', 'mcpauth.dev/replica': 'true', ...labels } },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
  });
}

const replica = (name: string, content = {}): LiveReplica => ({ name, content });

it('tells who is alive and what they enforce: of this installation, with our annotations', async () => {
  renew('a', '1', { 'mcpauth.dev/x': '1', other: '2' });
  renew('b', '1', {}, { app: 'another' });
  renew('c', '1', {}, { 'mcpauth.dev/replica': 'false' });
  renew('elsewhere/d', '1');
  const { live } = start();
  expect(live()).toEqual([]);
  await until(() => told.length === 1);
  expect(told).toEqual([[replica('a', { 'mcpauth.dev/x': '1' })]]);
  expect(live()).toEqual(told[0]);
});

it('tells changes, but not that a Lease was renewed', async () => {
  renew('a', '1');
  start();
  await until(() => use().server.openWatches === 1);
  renew('a', '2');
  renew('b', '1');
  renew('a', '3', { 'mcpauth.dev/x': '1' });
  use().server.store.remove('leases', 'ns/b');
  await until(() => told.length === 4);
  expect(told).toEqual([
    [replica('a')],
    [replica('a'), replica('b')],
    [replica('a', { 'mcpauth.dev/x': '1' }), replica('b')],
    [replica('a', { 'mcpauth.dev/x': '1' })],
  ]);
});

it('tells by itself when somebody has not renewed in time', async () => {
  const { clock, server } = use();
  renew('a', '1');
  renew('b', '1');
  const { live } = start();
  await until(() => server.openWatches === 1);
  clock.advance(30_000);
  renew('a', '2', { 'mcpauth.dev/x': '1' });
  await until(() => told.length === 2);
  clock.advance(9_999);
  expect(told).toHaveLength(2);
  clock.advance(1);
  expect(told.slice(2)).toEqual([[replica('a', { 'mcpauth.dev/x': '1' })]]);
  expect(live()).toEqual(told[2]);
});

it('knows the Leases that nobody renews any more', async () => {
  const { clock, server } = use();
  renew('a', '1');
  renew('b', '1');
  const { abandoned } = start();
  await until(() => server.openWatches === 1);
  clock.advance(30_000);
  renew('b', '2', { 'mcpauth.dev/x': '1' });
  await until(() => told.length === 2);
  clock.advance(30_000);
  expect(abandoned(60_000)).toEqual(['a']);
  expect(abandoned(60_001)).toEqual([]);
});

it('tells nothing any more once it has been stopped', async () => {
  const { clock, server } = use();
  renew('a', '1');
  const { stop } = start();
  await until(() => server.openWatches === 1);
  await stop();
  clock.advance(60_000);
  expect(told).toHaveLength(1);
  expect(clock.pending()).toEqual([]);
});
