import { afterEach, beforeEach } from 'vitest';
import { createKubeApi, type KubeApi } from '../../operator/controller/kube-api.ts';
import {
  type Reflector,
  type ReflectorOptions,
  startReflector,
} from '../../operator/controller/reflector.ts';
import { mcpAuthPolicies } from '../../operator/controller/resource.ts';
import { createFakeClock, type FakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { FakeApiServer } from './fake-api-server.ts';

export const plural = 'mcpauthpolicies';

/** A fake API server with three policies and what a reflector of them needs; new for each test. */
export interface ReflectorBench {
  readonly server: FakeApiServer;
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof recordLog>;
  /** How often a reflector said that something has changed. */
  changes: number;
  readonly reflectors: Reflector[];
  readonly api: KubeApi;
}

/** Registers the hooks that make and clear the bench, and returns where it is. */
export function useReflectorBench(): { readonly bench: () => ReflectorBench } {
  let current: ReflectorBench | undefined;
  beforeEach(async () => {
    const server = new FakeApiServer();
    await server.start();
    const clock = createFakeClock();
    const api = createKubeApi({
      ...{ server: server.url, clock },
      authenticate: async () => undefined,
      renew: () => undefined,
    });
    current = { server, clock, api, log: recordLog(), changes: 0, reflectors: [] };
    for (const name of ['a', 'b', 'c']) {
      server.store.put(plural, `ns/${name}`, { spec: { issuer: name } });
    }
  });
  afterEach(async () => {
    await Promise.all((current?.reflectors ?? []).map((reflector) => reflector.stop()));
    current?.api.close();
    await current?.server.stop();
  });
  return {
    bench() {
      if (current === undefined) {
        throw new Error('only within a test');
      }
      return current;
    },
  };
}

export function start(bench: ReflectorBench, options: Partial<ReflectorOptions> = {}): Reflector {
  const { api, clock, log } = bench;
  const onChange = (): void => {
    bench.changes += 1;
  };
  const given = { api, resource: mcpAuthPolicies, onChange, clock, random: () => 0, log };
  const reflector = startReflector({ ...given, ...options });
  bench.reflectors.push(reflector);
  return reflector;
}

export async function startSynced(
  bench: ReflectorBench,
  options: Partial<ReflectorOptions> = {},
): Promise<Reflector> {
  const reflector = start(bench, options);
  await until(() => bench.server.openWatches === 1);
  return reflector;
}

export function versions(
  objects: Iterable<{ metadata: { name?: unknown; resourceVersion?: unknown } }>,
): string {
  return [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).join(' ');
}

/** Whether the reflector holds what the server has. */
export function isEqual({ server }: ReflectorBench, reflector: Reflector): boolean {
  return versions(reflector.snapshot().values()) === versions(server.store.list(plural, undefined));
}

/** Lets the reflector's waits, and only those, be over until it holds what the server has. */
export async function catchUp(bench: ReflectorBench, reflector: Reflector): Promise<void> {
  await until(() => {
    const state = reflector.state();
    if (state.kind === 'waiting') {
      bench.clock.advance(state.delayMs);
    }
    return isEqual(bench, reflector);
  });
}

/** Sits out so many failures; returns how long the reflector wanted to wait after each. */
export async function sitOut(
  { clock }: Pick<ReflectorBench, 'clock'>,
  reflector: Reflector,
  failures: number,
): Promise<readonly number[]> {
  const delays: number[] = [];
  while (delays.length < failures) {
    await until(() => reflector.state().kind === 'waiting');
    const state = reflector.state();
    delays.push(state.kind === 'waiting' ? state.delayMs : 0);
    clock.advance(delays.at(-1) ?? 0);
    await until(() => reflector.state() !== state);
  }
  return delays;
}

/** An edit, a deletion, a creation and a replacement. */
export function changeEverything({ server }: ReflectorBench): void {
  server.store.put(plural, 'ns/a', { spec: { issuer: 'edited' } });
  server.store.remove(plural, 'ns/b');
  server.store.put(plural, 'ns/d');
  server.store.remove(plural, 'ns/c');
  server.store.put(plural, 'ns/c', { spec: { issuer: 'again' } });
}
