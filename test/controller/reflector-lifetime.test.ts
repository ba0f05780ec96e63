import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createKubeApi } from '../../operator/controller/kube-api.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import {
  catchUp,
  changeEverything,
  isEqual,
  plural,
  sitOut,
  start,
  startSynced,
  useReflectorBench,
} from './reflector-bench.ts';

const { bench: use } = useReflectorBench();

describe('a reflector', () => {
  it('can be stopped while it connects', async () => {
    const bench = use();
    const { clock } = bench;
    const sockets: Socket[] = [];
    // Takes connections and says nothing: the TLS handshake never ends.
    const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined).resume()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address() as { readonly port: number };
    const api = createKubeApi({
      ...{ server: `https://127.0.0.1:${address.port}`, clock },
      authenticate: async () => undefined,
      renew: () => undefined,
    });
    const reflector = start(bench, { api });
    await until(() => sockets.length === 1);
    await reflector.stop();
    await until(() => sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded));
    expect([bench.changes, clock.pending()]).toEqual([0, []]);
    api.close();
    await new Promise((resolve) => silent.close(resolve));
  });

  it('can be stopped while its credentials do not come', async () => {
    const bench = use();
    const { clock, server } = bench;
    const api = createKubeApi({
      ...{ server: server.url, clock },
      authenticate: () => new Promise(() => undefined),
      renew: () => undefined,
    });
    const reflector = start(bench, { api });
    await until(() => clock.pending().length === 1);
    await reflector.stop();
    await settle();
    expect([server.requests, clock.pending()]).toEqual([[], []]);
  });

  it('can be stopped twice, and before it has begun', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = start(bench);
    await Promise.all([reflector.stop(), reflector.stop()]);
    await reflector.stop();
    await settle();
    expect([server.openWatches, bench.changes, clock.pending()]).toEqual([0, 0, []]);
  });

  it('is one of its own when another of the same collection is started', async () => {
    const bench = use();
    const { server } = bench;
    const [first, second] = [start(bench), start(bench)];
    await until(() => server.openWatches === 2);
    await first.stop();
    await until(() => server.openWatches === 1);
    changeEverything(bench);
    await catchUp(bench, second);
    expect(isEqual(bench, first)).toBe(false);
    await second.stop();
    await until(() => server.openWatches === 0);
  });

  it('has one watch and no more after ten restarts of the server', async () => {
    const bench = use();
    const { server, clock } = bench;
    const reflector = await startSynced(bench);
    for (let restart = 0; restart < 10; restart += 1) {
      await server.stop();
      await until(() => reflector.state().kind === 'waiting');
      server.store.put(plural, `ns/during-${restart}`);
      await server.start();
      await catchUp(bench, reflector);
      await until(() => server.openWatches === 1);
    }
    await settle();
    expect(server.openWatches).toBe(1);
    // The watch's, and one that calls share.
    expect(server.openConnections).toBeLessThanOrEqual(2);
    expect(clock.pending()).toHaveLength(1);
  });

  it('goes on when whoever listens throws', async () => {
    const bench = use();
    const { server } = bench;
    const reflector = start(bench, {
      onChange() {
        bench.changes += 1;
        if (bench.changes <= 2) throw new Error('a bug');
      },
    });
    await sitOut(bench, reflector, 1);
    await until(() => server.openWatches === 1);
    changeEverything(bench);
    await sitOut(bench, reflector, 1);
    await catchUp(bench, reflector);
    await until(() => server.openWatches === 1);
    expect(bench.changes).toBe(6);
    expect(server.requestsOf('list')).toHaveLength(1);
  });
});
