import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { EventDocument } from '../../operator/controller/event-document.ts';
import { createEventRecorder, type EventRecorder } from '../../operator/controller/event-recorder.ts';
import { createKubeApi, type KubeApi } from '../../operator/controller/kube-api.ts';
import type { PolicyEvent } from '../../operator/policy/policy-event.ts';
import { createFakeClock, type FakeClock, settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { FakeApiServer } from './fake-api-server.ts';

const collection = '/apis/events.k8s.io/v1/namespaces/ns/events';
const minuteMs = 60_000;

let server: FakeApiServer;
let clock: FakeClock;
let api: KubeApi;
let log: ReturnType<typeof recordLog>;
let recorder: EventRecorder;
let mayWrite: boolean;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  server.answers.set(collection, {});
  clock = createFakeClock();
  log = recordLog();
  api = createKubeApi({
    server: server.url,
    authenticate: async () => undefined,
    renew: () => undefined,
    clock,
  });
  mayWrite = true;
  recorder = createEventRecorder({
    mayWrite: () => mayWrite,
    ...{ api, clock, random: () => 0, log },
    ...{ reportingController: 'mcpauth.dev/operator', reportingInstance: 'operator-0' },
  });
});

afterEach(async () => {
  await recorder.close();
  api.close();
  await server.stop();
});

function policy(name: string, uid = `uid-of-${name}`): UntypedObject {
  const metadata = { name, namespace: 'ns', uid, resourceVersion: '7' };
  return { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata };
}

const event = (reason: string): PolicyEvent => ({
  ...{ type: 'Warning', reason, action: 'Verify', note: `Says ${reason}.` },
});

const created = (): number => server.requestsOf('create').length;
const patched = (): number => server.requestsOf('patch').length;
const messages = (): readonly string[] => log.lines.map(({ level, message }) => `${level} ${message}`);
const namesOf = (): readonly string[] =>
  server.requestsOf('create').map(({ body }) => (body as unknown as EventDocument).metadata.name);

/** Records more than may wait. */
function flood(round: string): void {
  for (let index = 0; index < 1100; index += 1) recorder.record(policy(`${round}${index}`), event('Timeout'));
}

/** Waits until something is to happen in so many milliseconds: the recorder has taken in an answer. */
const untilDue = (ms: number): Promise<void> => until(() => clock.pending().includes(ms));

/** Records, waits for the Event, and lets patches of it succeed from now on. */
async function recordFirst(reason: string): Promise<void> {
  const before = created();
  recorder.record(policy('p'), event(reason));
  await until(() => created() === before + 1);
  await untilDue(5 * minuteMs);
  server.answers.set(`${collection}/${namesOf().at(-1)}`, {});
}

describe('a replica that leads no more', () => {
  it('drops what waits, and what it would tell again', async () => {
    recorder.record(policy('a'), event('First'));
    await until(() => created() === 1);
    recorder.record(policy('a'), event('First'));
    mayWrite = false;
    recorder.record(policy('b'), event('Second'));
    clock.advance(5 * minuteMs);
    await settle();
    expect([created(), patched()]).toEqual([1, 0]);
    mayWrite = true;
    clock.advance(5 * minuteMs);
    await settle();
    expect([created(), patched()]).toEqual([1, 0]);
  });
});

describe('a recorder', () => {
  it('creates an Event in the namespace of the policy', async () => {
    recorder.record(policy('p'), event('Timeout'));
    await until(() => created() === 1);
    expect(server.requests[0]).toMatchObject({
      path: collection,
      body: {
        metadata: { namespace: 'ns', name: `p.${(BigInt(clock.nowMs()) * 1_000_000n).toString(16)}` },
        eventTime: '2026-11-24T12:00:00.000000Z',
        regarding: { name: 'p', uid: 'uid-of-p', resourceVersion: '7' },
        ...{ reportingController: 'mcpauth.dev/operator', reportingInstance: 'operator-0' },
        ...event('Timeout'),
      },
    });
  });

  it('gives no two Events one name, not even in one millisecond', async () => {
    for (const reason of ['A', 'B', 'C']) recorder.record(policy('p'), event(reason));
    await until(() => created() === 3);
    expect(new Set(namesOf()).size).toBe(3);
  });

  it('records nothing about a policy that no cluster has', async () => {
    const { metadata, ...rest } = policy('p');
    recorder.record({ ...rest, metadata: { name: metadata.name, namespace: 'ns' } }, event('Timeout'));
    await settle();
    expect(created()).toBe(0);
  });
});

describe('the same event again', () => {
  it('is counted in the first, in one patch five minutes after it', async () => {
    await recordFirst('Timeout');
    clock.advance(1000);
    recorder.record(policy('p'), event('Timeout'));
    clock.advance(1234);
    recorder.record(policy('p'), event('Timeout'));
    clock.advance(5 * minuteMs - 2235);
    await settle();
    expect([created(), patched()]).toEqual([1, 0]);

    clock.advance(1);
    await until(() => patched() === 1);
    expect(server.requestsOf('patch')[0]).toMatchObject({
      path: `${collection}/${namesOf()[0]}`,
      query: { fieldManager: 'mcp-auth-operator' },
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { series: { count: 3, lastObservedTime: '2026-11-24T12:00:02.234000Z' } },
    });
  });

  it('is patched at once when the last write is old enough, and then not for five minutes', async () => {
    await recordFirst('Timeout');
    clock.advance(5 * minuteMs);
    await settle();
    expect(patched()).toBe(0);
    recorder.record(policy('p'), event('Timeout'));
    await until(() => patched() === 1);
    await untilDue(5 * minuteMs);
    recorder.record(policy('p'), event('Timeout'));
    clock.advance(5 * minuteMs - 1);
    await settle();
    expect(patched()).toBe(1);
    clock.advance(1);
    await until(() => patched() === 2);
    expect(server.requestsOf('patch').map(({ body }) => body?.series)).toMatchObject([
      { count: 2 },
      { count: 3 },
    ]);
  });

  it('goes on for as long as it comes within six minutes, and not longer', async () => {
    await recordFirst('Timeout');
    for (const count of [1, 2, 3]) {
      clock.advance(6 * minuteMs - 1);
      recorder.record(policy('p'), event('Timeout'));
      await until(() => patched() === count);
      await untilDue(5 * minuteMs);
    }
    expect(created()).toBe(1);
    clock.advance(6 * minuteMs);
    recorder.record(policy('p'), event('Timeout'));
    await until(() => created() === 2);
  });

  it('is forgotten by its own age, not by that of others', async () => {
    await recordFirst('Timeout');
    clock.advance(minuteMs);
    await recordFirst('DNSFailure');
    clock.advance(4 * minuteMs);
    recorder.record(policy('p'), event('Timeout'));
    clock.advance(2 * minuteMs);
    recorder.record(policy('p'), event('DNSFailure'));
    await until(() => created() === 3);
  });

  it('is another one when the first was written so late that it is over', async () => {
    server.failNext('create', { status: 429, retryAfter: '300' }, { status: 429, retryAfter: '60' });
    recorder.record(policy('p'), event('Timeout'));
    for (const delayMs of [5 * minuteMs, minuteMs]) {
      await untilDue(delayMs);
      clock.advance(delayMs);
    }
    recorder.record(policy('p'), event('Timeout'));
    await until(() => created() === 4);
    expect(new Set(namesOf()).size).toBe(2);
    expect(patched()).toBe(0);
  });

  it('is patched five minutes after its own first, not after one that is over', async () => {
    server.failNext('create', { status: 429, retryAfter: '100' });
    recorder.record(policy('p'), event('Timeout'));
    await untilDue(100_000);
    clock.advance(100_000);
    await untilDue(5 * minuteMs);
    clock.advance(260_000);
    await recordFirst('Timeout');
    recorder.record(policy('p'), event('Timeout'));
    clock.advance(40_000);
    await settle();
    expect([created(), patched()]).toEqual([3, 0]);
  });

  it('is another one when the policy was created again, or anything else differs', async () => {
    await recordFirst('Timeout');
    recorder.record(policy('p', 'another-uid'), event('Timeout'));
    recorder.record(policy('p'), { ...event('Timeout'), note: 'Another.' });
    recorder.record(policy('p'), { ...event('Timeout'), action: 'Another' });
    recorder.record(policy('p'), { ...event('Timeout'), type: 'Normal' });
    await until(() => created() === 5);
  });

  it('counts what comes while the first is being written', async () => {
    server.failNext('create', { status: 500 });
    recorder.record(policy('p'), event('Timeout'));
    await untilDue(1000);
    recorder.record(policy('p'), event('Timeout'));
    await settle();
    expect(created()).toBe(1);
    clock.advance(1000);
    await until(() => created() === 2);
    await untilDue(5 * minuteMs);
    clock.advance(5 * minuteMs);
    await until(() => patched() === 1);
    expect(server.requestsOf('patch')[0]?.body).toMatchObject({ series: { count: 2 } });
  });

  it('becomes a new Event when the first is gone', async () => {
    await recordFirst('Timeout');
    server.answers.delete(`${collection}/${namesOf()[0]}`);
    clock.advance(5 * minuteMs);
    recorder.record(policy('p'), event('Timeout'));
    await until(() => messages().length === 1);
    recorder.record(policy('p'), event('Timeout'));
    await until(() => created() === 2);
    expect(messages()).toEqual(['debug an event was refused']);
  });
});

describe('the budgets', () => {
  it('let one policy have ten Events and one more a minute, and take nothing from others', async () => {
    for (let index = 0; index < 15; index += 1) recorder.record(policy('flaps'), event(`R${index}`));
    recorder.record(policy('p'), event('Timeout'));
    await until(() => created() === 11);
    clock.advance(minuteMs - 10);
    recorder.record(policy('flaps'), event('Never'));
    clock.advance(20);
    recorder.record(policy('flaps'), event('Later'));
    recorder.record(policy('flaps'), event('Never'));
    await until(() => created() === 12);
    await settle();
    expect(created()).toBe(12);
    expect(server.requestsOf('create').map(({ body }) => body?.reason)).not.toContain('Never');
  });

  it('let a policy that was quiet have ten again', async () => {
    for (const round of [1, 2]) {
      for (let index = 0; index < 11; index += 1) recorder.record(policy('p'), event(`R${round}-${index}`));
      await until(() => created() === round * 10);
      await settle();
      expect(created()).toBe(round * 10);
      clock.advance(10 * minuteMs);
    }
  });

  it('let there be fifty writes at once and ten more a second', async () => {
    for (let index = 0; index < 100; index += 1) recorder.record(policy(`p${index}`), event('Timeout'));
    await until(() => created() === 50);
    await settle();
    expect(created()).toBe(50);
    clock.advance(1000);
    await until(() => created() === 60);
    await settle();
    expect(created()).toBe(60);
  });

  it('let a thousand wait, and drop the rest', async () => {
    flood('a');
    flood('b');
    await until(() => created() === 50);
    await settle();
    for (let expected = 60; expected <= 1000; expected += 10) {
      clock.advance(1000);
      await until(() => created() === expected);
      await settle(5);
    }
    clock.advance(10_000);
    await settle();
    expect(created()).toBe(1000);
    recorder.record(policy('p'), event('Timeout'));
    await until(() => created() === 1001);
  });

  it('are exceeded with one line in the log a minute', () => {
    flood('a');
    flood('b');
    clock.advance(minuteMs - 1);
    flood('c');
    expect(messages()).toEqual(['warn events are dropped: too many wait']);
    clock.advance(1);
    flood('d');
    expect(messages()).toHaveLength(2);
  });
});

describe('when a write fails', () => {
  it('it is tried three times, the log speaks once a minute, and nothing is kept', async () => {
    server.failNext('create', { status: 500 }, 'reset', { status: 429, retryAfter: '1' }, { status: 500 });
    recorder.record(policy('p'), event('Timeout'));
    for (const delayMs of [1000, 2000]) {
      await untilDue(delayMs);
      clock.advance(delayMs);
    }
    await until(() => messages().length === 1);
    expect(log.lines).toEqual([
      { level: 'warn', message: 'writing an event failed', fields: { code: 429, reason: 'Scripted' } },
    ]);
    clock.advance(5 * minuteMs);
    await settle();
    expect([created(), clock.pending().length]).toEqual([3, 0]);
  });

  it.each([403, 404])('by %i, it is dropped at once: the namespace may be going away', async (code) => {
    server.failNext('create', { status: code });
    recorder.record(policy('p'), event('Timeout'));
    await until(() => messages().length === 1);
    clock.advance(minuteMs);
    await settle();
    expect([created(), messages()]).toEqual([1, ['debug an event was refused']]);
  });

  it('by 409, the Event is there: an answer was lost', async () => {
    server.failNext('create', 'reset', { status: 409, reason: 'AlreadyExists' });
    recorder.record(policy('p'), event('Timeout'));
    await untilDue(1000);
    clock.advance(1000);
    await until(() => created() === 2);
    await untilDue(5 * minuteMs);
    expect(new Set(namesOf()).size).toBe(1);
    server.answers.set(`${collection}/${namesOf()[0]}`, {});
    recorder.record(policy('p'), event('Timeout'));
    clock.advance(5 * minuteMs);
    await until(() => patched() === 1);
    expect(log.lines).toEqual([]);
  });

  it('it holds up no other', async () => {
    server.failNext('create', 'hang', { status: 500 });
    for (const name of ['a', 'b', 'c', 'd']) recorder.record(policy(name), event('Timeout'));
    await until(() => created() === 4);
  });
});

describe('close', () => {
  it('aborts what is under way and writes nothing any more', async () => {
    await recordFirst('Timeout');
    recorder.record(policy('p'), event('Timeout'));
    server.failNext('create', 'hang', 'hang');
    for (const name of ['a', 'b', 'waits']) recorder.record(policy(name), event('Timeout'));
    await until(() => created() === 3);

    await recorder.close();

    expect(clock.pending()).toEqual([]);
    flood('late');
    clock.advance(10 * minuteMs);
    await settle();
    expect([created(), patched(), clock.pending().length, log.lines]).toEqual([3, 0, 0, []]);
  });

  it('says nothing of the last try that it aborts', async () => {
    server.failNext('create', { status: 500 }, { status: 500 }, 'hang');
    recorder.record(policy('p'), event('Timeout'));
    for (const delayMs of [1000, 2000]) {
      await untilDue(delayMs);
      clock.advance(delayMs);
    }
    await until(() => created() === 3);
    await recorder.close();
    expect(log.lines).toEqual([]);
  });
});
