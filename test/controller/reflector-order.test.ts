import { describe, expect, it } from 'vitest';
import { settle, until } from '../fixtures/fake-clock.ts';
import {
  catchUp,
  isEqual,
  plural,
  type ReflectorBench,
  startSynced,
  useReflectorBench,
} from './reflector-bench.ts';

const { bench: use } = useReflectorBench();

/** What a watch tells of an edit, kept back. */
function editUnseen({ server }: ReflectorBench, key: string): unknown {
  server.isMute = true;
  const object = server.store.put(plural, key, { spec: { issuer: `edit-${server.store.version}` } });
  server.isMute = false;
  return object;
}

const lists = ({ server }: ReflectorBench): number => server.requestsOf('list').length;

describe('events of a watch that come', () => {
  it('twice change nothing', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench);
    const edit = editUnseen(bench, 'ns/a');
    server.sendEvent('MODIFIED', edit);
    server.sendEvent('MODIFIED', edit);
    server.store.remove(plural, 'ns/b');
    server.sendEvent('DELETED', { ...server.store.get(plural, 'ns/c'), ...edited('b', '105') });
    await catchUp(bench, reflector);
    expect(lists(bench)).toBe(1);
  });

  it('in the wrong order lead to a list', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench);
    const older = editUnseen(bench, 'ns/a');
    const newer = editUnseen(bench, 'ns/a');
    server.sendEvent('MODIFIED', newer);
    server.sendEvent('MODIFIED', older);
    await until(() => reflector.state().kind === 'waiting');
    expect(isEqual(bench, reflector)).toBe(true);
    await catchUp(bench, reflector);
    await until(() => lists(bench) === 2 && server.openWatches === 1);
    expect(isEqual(bench, reflector)).toBe(true);
  });

  it('after the deletion that they precede bring nothing back', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench);
    const edit = editUnseen(bench, 'ns/a');
    server.store.remove(plural, 'ns/a');
    server.sendEvent('MODIFIED', edit);
    await until(() => reflector.state().kind === 'waiting');
    expect(reflector.get('ns/a')).toBeUndefined();
    await catchUp(bench, reflector);
    expect(reflector.get('ns/a')).toBeUndefined();
  });

  it('after one that was left out make it good, if they are of the same object', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench);
    editUnseen(bench, 'ns/a');
    await settle();
    expect(isEqual(bench, reflector)).toBe(false);
    server.store.put(plural, 'ns/a', { spec: { issuer: 'latest' } });
    await catchUp(bench, reflector);
    expect(lists(bench)).toBe(1);
  });

  it('not at all, before the connection breaks, come over the next one', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    editUnseen(bench, 'ns/a');
    editUnseen(bench, 'ns/new');
    server.breakWatches('reset');
    await catchUp(bench, reflector);
    expect(lists(bench)).toBe(1);
  });
});

describe('a version', () => {
  it('may jump ahead', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    clock.advance(2000);
    for (let index = 0; index < 1000; index += 1) {
      server.store.put('configmaps', 'ns/other');
    }
    server.store.put(plural, 'ns/a', { spec: { issuer: 'late' } });
    await catchUp(bench, reflector);
    server.breakWatches('end');
    await until(() => server.requestsOf('watch').length === 2);
    expect(server.requestsOf('watch')[1]?.query.resourceVersion).toBe('1104');
  });

  it('may fall back when the server is restored from a backup', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = await startSynced(bench);
    server.sendEvent('MODIFIED', { ...server.store.get(plural, 'ns/a'), ...edited('a', '9000') });
    await until(() => reflector.get('ns/a')?.metadata.resourceVersion === '9000');
    server.store.put(plural, 'ns/b', { spec: { issuer: 'restored' } });
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
    expect(server.requestsOf('watch').at(-1)?.query.resourceVersion).toBe('104');
  });
});

function edited(name: string, resourceVersion: string): object {
  return { metadata: { namespace: 'ns', name, resourceVersion } };
}
