import type { RequestOptions } from 'node:https';
import { afterEach, beforeEach } from 'vitest';
import { createKubeApi, type KubeApi } from '../../operator/controller/kube-api.ts';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.ts';
import { FakeApiServer } from './fake-api-server.ts';

/** A fake API server and the calls to it; new for each test. */
export interface ApiBench {
  readonly server: FakeApiServer;
  readonly clock: FakeClock;
  readonly api: KubeApi;
  /** Calls carry it; when undefined none. An error is what happens instead. */
  token: string | undefined | Error;
}

/** Registers the hooks that make and clear the bench, and returns where it is. */
export function useApiBench(): () => ApiBench {
  let current: ApiBench | undefined;
  beforeEach(async () => {
    const server = new FakeApiServer();
    await server.start();
    const clock = createFakeClock();
    const authenticate = async ({ headers }: RequestOptions): Promise<void> => {
      const token = current?.token;
      if (token instanceof Error) throw token;
      if (token !== undefined) Object.assign(headers ?? {}, { Authorization: `Bearer ${token}` });
    };
    const api = createKubeApi({ server: server.url, clock, authenticate, renew: () => undefined });
    current = { server, clock, api, token: undefined };
  });
  afterEach(async () => {
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
