import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { createKubeApi, type KubeApi } from '../../operator/controller/kube-api.ts';
import { createStatusWriter, type StatusWriter } from '../../operator/controller/status-writer.ts';
import { createFakeClock, type FakeClock, settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { FakeApiServer } from './fake-api-server.ts';

const plural = 'mcpauthpolicies';

let server: FakeApiServer;
let clock: FakeClock;
let api: KubeApi;
let log: ReturnType<typeof recordLog>;
let writer: StatusWriter;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  clock = createFakeClock();
  log = recordLog();
  api = createKubeApi({
    server: server.url,
    authenticate: async () => undefined,
    renew: () => undefined,
    clock,
  });
  writer = createStatusWriter({ api, clock, random: () => 0, log });
});

afterEach(async () => {
  await writer.close();
  api.close();
  await server.stop();
});

const put = (name: string, members: Record<string, unknown> = {}): UntypedObject =>
  server.store.put(plural, `ns/${name}`, members);
const stored = (name: string): UntypedObject | undefined => server.store.get(plural, `ns/${name}`);
const status = (resource: string): McpAuthPolicyStatus => ({ observedGeneration: 1, resource });
const writes = (): number => server.requestsOf('patch').length;

describe('a status writer', () => {
  it('applies the status server-side, bound to the version it was computed from', async () => {
    const policy = put('a', { spec: { issuer: 'x' } });
    writer.offer(policy, status('r'));
    await until(() => stored('a')?.status !== undefined);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({
      path: '/apis/mcpauth.dev/v1alpha1/namespaces/ns/mcpauthpolicies/a/status',
      query: { fieldManager: 'mcp-auth-operator', force: 'true' },
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
    expect(server.requests[0]?.body).toEqual({
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { namespace: 'ns', name: 'a', resourceVersion: policy.metadata.resourceVersion },
      status: status('r'),
    });
  });

  it('writes nothing when the object has the status', async () => {
    writer.offer(put('a', { status: { resource: 'r', observedGeneration: 1 } }), status('r'));
    await settle();
    expect(writes()).toBe(0);
  });

  it('writes nothing to an object without a version', async () => {
    const { metadata, ...rest } = put('a');
    writer.offer(
      { ...rest, metadata: { name: 'a', namespace: 'ns' } } as unknown as UntypedObject,
      status('r'),
    );
    await settle();
    expect([writes(), metadata.name]).toEqual([0, 'a']);
  });

  it('writes of several statuses only the first and the last', async () => {
    const policy = put('a');
    for (const resource of ['r1', 'r2', 'r3', 'r4']) {
      writer.offer(policy, status(resource));
    }
    await until(() => writes() === 2);
    await settle();
    expect(stored('a')?.status).toEqual(status('r4'));
    expect(writes()).toBe(2);
  });

  it('writes once while the same is offered over and over', async () => {
    const policy = put('a');
    writer.offer(policy, status('r'));
    writer.offer(policy, status('r'));
    await until(() => stored('a')?.status !== undefined);
    await settle();
    // The watch has not shown the write yet.
    writer.offer(policy, status('r'));
    await settle();
    expect(writes()).toBe(1);
  });

  it('writes the next status also before the watch has shown the last one', async () => {
    const policy = put('a');
    writer.offer(policy, status('r1'));
    await until(() => stored('a')?.status !== undefined);
    await settle();
    writer.offer(policy, status('r2'));
    await settle();
    expect(stored('a')?.status).toEqual(status('r2'));
    expect(writes()).toBe(2);
  });

  it('asks once when the server makes something else of a status', async () => {
    const policy = put('a');
    const { applyStatus } = server.store;
    server.store.applyStatus = () => policy as ReturnType<typeof applyStatus>;
    writer.offer(policy, status('r'));
    await until(() => writes() === 1);
    await settle();
    writer.offer(policy, status('r'));
    await settle();
    expect(writes()).toBe(1);
  });

  it('does not take back a write that became unnecessary, but makes no second one', async () => {
    const policy = put('a', { status: status('old') });
    server.failNext('patch', { status: 500 });
    writer.offer(policy, status('new'));
    await until(() => writes() === 1);
    await settle();
    writer.offer(policy, status('old'));
    clock.advance(10_000);
    await settle();
    expect(writes()).toBe(1);
  });
});

describe('when a write is refused', () => {
  it('by 409, it is tried again ever more rarely, until the newer object is offered', async () => {
    const old = put('a');
    const edited = put('a', { spec: { issuer: 'edited' } });
    writer.offer(old, status('of the old'));
    for (const [index, delayMs] of [500, 1000, 2000].entries()) {
      await until(() => writes() === index + 1);
      await settle();
      clock.advance(delayMs - 1);
      await settle();
      expect([writes(), stored('a')?.status]).toEqual([index + 1, undefined]);
      clock.advance(1);
    }
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    await until(() => writes() === 4);
    writer.offer(edited, status('of the new'));
    await until(() => writes() === 5);
    await settle();
    expect(stored('a')?.status).toEqual(status('of the new'));
    // The fourth was worth a line.
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    clock.advance(1_000_000);
    await settle();
    expect(writes()).toBe(5);
  });

  it('by 409 that nothing has changed for, it is written in the end', async () => {
    server.failNext('patch', { status: 409, reason: 'Conflict' });
    writer.offer(put('a'), status('r'));
    await until(() => log.lines.length === 1);
    clock.advance(500);
    await until(() => stored('a')?.status !== undefined);
    expect(writes()).toBe(2);
  });

  it('by 404, it is forgotten', async () => {
    const policy = put('a');
    server.store.remove(plural, 'ns/a');
    writer.offer(policy, status('r'));
    await until(() => writes() === 1);
    await settle();
    clock.advance(1_000_000);
    await settle();
    expect([writes(), clock.pending().length]).toEqual([1, 0]);
  });

  it('a re-created object never receives the status of the one before', async () => {
    const before = put('a');
    server.store.remove(plural, 'ns/a');
    put('a');
    writer.offer(before, status('r'));
    await until(() => writes() === 1);
    await settle();
    expect(stored('a')?.status).toBeUndefined();
  });

  it.each<[string, Parameters<FakeApiServer['failNext']>[1]]>([
    ['500', { status: 500 }],
    ['403', { status: 403, reason: 'Forbidden' }],
    ['429', { status: 429, retryAfter: '1' }],
    ['a reset', 'reset'],
  ])('by %s, it is tried again, and the log says so once', async (_, fault) => {
    server.failNext('patch', fault, fault);
    writer.offer(put('a'), status('r'));
    for (const count of [1, 2]) {
      await until(() => log.lines.length === count);
      clock.advance(1000);
    }
    await until(() => stored('a')?.status !== undefined);
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'debug']);
  });

  it('is not tried sooner because the same is offered again', async () => {
    server.failNext('patch', { status: 500 });
    const policy = put('a');
    writer.offer(policy, status('r'));
    await until(() => log.lines.length === 1);
    writer.offer(policy, status('r'));
    await settle();
    expect(writes()).toBe(1);
    writer.offer(policy, status('another'));
    await until(() => writes() === 2);
  });

  it('holds up no other policy', async () => {
    server.failNext('patch', 'hang', { status: 500 });
    for (const name of ['hangs', 'fails', 'c', 'd', 'e', 'f']) {
      writer.offer(put(name), status('r'));
    }
    await until(() => ['c', 'd', 'e', 'f'].every((name) => stored(name)?.status !== undefined));
    expect([stored('hangs')?.status, stored('fails')?.status]).toEqual([undefined, undefined]);
  });
});

describe('the budget', () => {
  it('bounds the writes of all policies together', async () => {
    await writer.close();
    writer = createStatusWriter({ api, writesPerSecond: 5, clock, random: () => 0, log });
    const policies = Array.from({ length: 12 }, (_, index) => put(`p${index}`));
    for (const policy of policies) {
      writer.offer(policy, status('r'));
    }
    await until(() => writes() === 5);
    await settle();
    expect(writes()).toBe(5);
    clock.advance(1000);
    await until(() => writes() === 10);
    await settle();
    expect(writes()).toBe(10);
  });
});

describe('the order', () => {
  const test = {
    configDigest: 'c',
    operatorVersion: '1',
    checks: 5,
    failed: [],
    time: '2026-01-01T00:00:00Z',
  };
  const tested: McpAuthPolicyStatus = { ...status('r'), verification: test };
  const accepted: McpAuthPolicyStatus = {
    ...tested,
    verification: { ...test, firstAcceptedTime: '2026-01-02T00:00:00Z' },
  };
  const rejected: McpAuthPolicyStatus = {
    ...tested,
    verification: { ...test, rejections: { reason: 'token_expired', since: '2026-01-02T00:00:00Z' } },
  };
  const written = (): readonly unknown[] =>
    server.requestsOf('patch').map(({ path }) => path.split('/').at(-2));

  beforeEach(async () => {
    await writer.close();
    writer = createStatusWriter({ api, writesPerSecond: 1, clock, random: () => 0, log });
    writer.offer(put('spends-the-budget'), status('r'));
    await until(() => writes() === 1);
  });

  async function writeAll(count: number): Promise<void> {
    for (let done = 1; done <= count; done += 1) {
      clock.advance(1000);
      await until(() => writes() === done + 1);
      await settle();
    }
  }

  it('what callers cause is written after what users have changed', async () => {
    writer.offer(put('accepts', { status: tested }), accepted);
    writer.offer(put('rejects', { status: tested }), rejected);
    writer.offer(put('recovers', { status: rejected }), tested);
    writer.offer(put('new'), accepted);
    writer.offer(put('edited', { status: tested }), { ...accepted, observedGeneration: 2 });
    writer.offer(put('tested', { status: accepted }), {
      ...accepted,
      verification: { ...test, configDigest: 'd' },
    });
    writer.offer(put('odd', { status: { ...accepted, verification: 'text' } }), accepted);

    await writeAll(7);

    expect(written().slice(1)).toEqual(['new', 'edited', 'tested', 'odd', 'accepts', 'rejects', 'recovers']);
    expect(stored('accepts')?.status).toEqual(accepted);
  });

  it('what callers cause goes with what users have changed, in one write', async () => {
    const policy = put('both', { status: tested });
    writer.offer(put('accepts', { status: tested }), accepted);
    writer.offer(policy, accepted);
    writer.offer(policy, { ...accepted, observedGeneration: 2 });

    await writeAll(2);

    expect(written().slice(1)).toEqual(['both', 'accepts']);
    expect(stored('both')?.status).toEqual({ ...accepted, observedGeneration: 2 });
  });

  it('what is only told again is written after what users change meanwhile, also of the same policy', async () => {
    const policies = ['a', 'b', 'c', 'd'].map((name) => put(name));
    for (const policy of policies) writer.offer(policy, tested, { isRetold: true });
    const edited = put('c', { spec: { issuer: 'edited' } });
    writer.offer(put('new'), tested, { isRetold: false });
    writer.offer(edited, tested, { isRetold: false });
    // Nothing but the reason for it is new.
    for (const policy of policies.slice(3)) writer.offer(policy, tested, { isRetold: false });

    await writeAll(5);

    expect(written().slice(1)).toEqual(['new', 'c', 'd', 'a', 'b']);
  });
});

describe('close', () => {
  it('aborts what is under way and writes nothing any more', async () => {
    server.failNext('patch', 'hang');
    writer.offer(put('a'), status('r'));
    await until(() => writes() === 1);
    await writer.close();
    writer.offer(put('b'), status('r'));
    await settle();
    expect([writes(), clock.pending().length, log.lines]).toEqual([1, 0, []]);
  });
});
