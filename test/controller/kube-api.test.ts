import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiError } from '../../operator/controller/api-error.ts';
import { createKubeApi, type KubeApi, type KubeApiOptions } from '../../operator/controller/kube-api.ts';
import { createFakeClock, type FakeClock, settle, until } from '../fixtures/fake-clock.ts';
import { FakeApiServer } from './fake-api-server.ts';

const path = '/api/v1/configmaps';
const object = '/api/v1/namespaces/ns/configmaps/a';

let server: FakeApiServer;
let clock: FakeClock;
let api: KubeApi;
let renewals: number;

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  server.store.put('configmaps', 'ns/a', { data: { k: 'v' } });
  clock = createFakeClock();
  renewals = 0;
  api = createApi();
});

afterEach(async () => {
  api.close();
  await server.stop();
});

function createApi(
  authenticate: KubeApiOptions['authenticate'] = async () => undefined,
  at = server.url,
): KubeApi {
  const renew = (): void => {
    renewals += 1;
  };
  return createKubeApi({ server: at, authenticate, renew, clock });
}

async function failureOf(call: Promise<unknown>): Promise<ApiError> {
  return call.then(
    () => expect.unreachable('the call should have failed'),
    (error: unknown) => error as ApiError,
  );
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

describe('calls', () => {
  it('go over one connection when they come one after the other', async () => {
    await api.get(object);
    await api.list(path, { limit: 500 });
    await api.get(object);
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 1]);
  });

  it('leave out query parameters that are undefined, and encode the others', async () => {
    await api.list(path, { limit: 5, continue: undefined, labelSelector: 'a=b,c' });
    expect(server.requests[0]?.query).toEqual({ limit: '5', labelSelector: 'a=b,c' });
  });

  it('keep the path of a server that has one', async () => {
    server.answers.set(`/k8s/clusters/c-1${object}`, { kind: 'Any' });
    expect(await createApi(undefined, `${server.url}/k8s/clusters/c-1/`).get(object)).toEqual({
      kind: 'Any',
    });
  });

  it('send a patch as JSON under the content type that is asked for', async () => {
    const body = { metadata: { resourceVersion: '101' }, status: {} };
    await api.patch(`${object}/status`, body, 'application/apply-patch+yaml', { force: true });
    expect(server.requests[0]).toMatchObject({
      verb: 'patch',
      body,
      query: { force: 'true' },
      headers: { 'content-type': 'application/apply-patch+yaml' },
    });
  });

  it('send what is to be created as JSON, and return what the server makes of it', async () => {
    const body = { kind: 'Question', spec: { text: 'é' } };
    server.answers.set('/apis/any/v1/questions', { ...body, status: { answer: 1 } });
    expect(await api.create('/apis/any/v1/questions', body)).toEqual({ ...body, status: { answer: 1 } });
    expect(server.requests[0]).toMatchObject({
      verb: 'create',
      body,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    });
  });

  it('replace and delete an object', async () => {
    const stored = server.store.put('leases', 'ns/l', { spec: { holderIdentity: 'a' } });
    const lease = '/apis/coordination.k8s.io/v1/namespaces/ns/leases/l';
    const changed = { ...stored, spec: { holderIdentity: 'b' } };
    expect(await api.update(lease, changed)).toMatchObject({
      spec: { holderIdentity: 'b' },
      metadata: { resourceVersion: '103' },
    });
    expect(server.requests[0]).toMatchObject({
      verb: 'update',
      body: changed,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    });
    expect(await failureOf(api.update(lease, changed))).toMatchObject({ code: 409, reason: 'Conflict' });
    await api.remove(lease);
    expect(server.store.get('leases', 'ns/l')).toBeUndefined();
    expect(await failureOf(api.remove(lease))).toMatchObject({ code: 404 });
  });

  it('treat a time limit of the caller like their own', async () => {
    server.failNext('get', 'hang');
    const controller = new AbortController();
    const failure = failureOf(api.get(object, controller.signal));
    await until(() => server.requests.length === 1);
    controller.abort(new DOMException('the time is over', 'TimeoutError'));
    expect(await failure).toMatchObject({ code: 0, reason: 'Timeout' });
    expect(renewals).toBe(1);
  });

  it('end after 10 s, and leave the connection that hangs', async () => {
    await api.get(object);
    server.failNext('get', 'hang');
    const failure = failureOf(api.get(object));
    await until(() => server.requests.length === 2);
    clock.advance(9999);
    await settle();
    clock.advance(1);
    expect(await failure).toMatchObject({ code: 0, reason: 'Timeout' });
    expect(renewals).toBe(1);
    await api.get(object);
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    expect(clock.pending()).toEqual([]);
  });

  it('leave also the idle connections after a timeout: they may be as dead', async () => {
    await Promise.all([api.get(object), api.get(object)]);
    server.failNext('get', 'hang');
    const failure = failureOf(api.get(object));
    await until(() => server.requests.length === 3);
    clock.advance(10_000);
    await failure;
    await api.get(object);
    expect(server.requests.at(-1)?.connection).toBe(3);
  });

  it('end after 10 s also while the credentials do not come', async () => {
    const failure = failureOf(createApi(() => new Promise(() => undefined)).get(object));
    clock.advance(10_000);
    expect(await failure).toMatchObject({ code: 0, reason: 'Timeout' });
  });

  it('end when they are aborted', async () => {
    server.failNext('get', 'hang');
    const controller = new AbortController();
    const failure = failureOf(api.get(object, controller.signal));
    await until(() => server.requests.length === 1);
    controller.abort();
    expect(await failure).toMatchObject({ code: 0, reason: 'Aborted' });
    expect(await failureOf(api.get(object, controller.signal))).toMatchObject({ reason: 'Aborted' });
    expect(clock.pending()).toEqual([]);
  });
});

describe('a document', () => {
  const document = '/openid/v1/jwks';

  it('comes as it is, up to the size that is asked for', async () => {
    server.failNext('get', { body: ' not JSON ' }, { body: ' not JSON ' });
    expect(Buffer.from(await api.getBytes(document, 10)).toString()).toBe(' not JSON ');
    expect(await failureOf(api.getBytes(document, 9))).toMatchObject({ code: 0, reason: 'TooLarge' });
    expect(server.requests[0]?.headers).toMatchObject({ accept: '*/*', 'accept-encoding': 'identity' });
  });

  it('is a failure when the answer is one, and ends after 10 s', async () => {
    expect(await failureOf(api.getBytes(document, 10))).toMatchObject({ code: 404, reason: 'NotFound' });
    server.failNext('get', 'hang');
    const failure = failureOf(api.getBytes(document, 10));
    await until(() => server.requests.length === 2);
    clock.advance(10_000);
    expect(await failure).toMatchObject({ code: 0, reason: 'Timeout' });
    expect(clock.pending()).toEqual([]);
  });
});

describe('the own token', () => {
  const withHeader = (value?: string): KubeApi =>
    createApi(async ({ headers }) => {
      Object.assign(headers ?? {}, value === undefined ? {} : { Authorization: value });
    });

  it.each([
    ['Bearer t1', 't1'],
    ['Basic dTpw', undefined],
    ['Bearer t1 t2', undefined],
    [undefined, undefined],
  ])('of the credentials %s is %s, and nothing is sent for it', async (header, token) => {
    expect(await withHeader(header).ownToken()).toBe(token);
    expect(server.requests).toEqual([]);
    expect(clock.pending()).toEqual([]);
  });

  it('fails as other calls do when the credentials cannot be had, or do not come', async () => {
    const failing = createApi(() => Promise.reject(new Error('password=hunter2')));
    expect((await failureOf(failing.ownToken())).message).toBe('CredentialsFailed (Error)');
    const failure = failureOf(createApi(() => new Promise(() => undefined)).ownToken());
    clock.advance(10_000);
    expect(await failure).toMatchObject({ code: 0, reason: 'Timeout' });
  });
});

describe('a failure', () => {
  it('is told by code, reason and Retry-After of the Status, and by nothing else of the body', async () => {
    server.failNext('get', { status: 429, reason: 'TooManyRequests', retryAfter: '7' });
    const error = await failureOf(api.get(object));
    expect(error).toMatchObject({ code: 429, reason: 'TooManyRequests', retryAfterSeconds: 7 });
    expect(error.message).toBe('429 TooManyRequests');
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(error.cause).toBeUndefined();
  });

  it('takes a reason only if it is a word', async () => {
    server.failNext('get', { status: 500, reason: 'Bearer abc.def' }, { status: 503, reason: '' });
    expect((await failureOf(api.get(object))).message).toBe('500 Unknown');
    expect((await failureOf(api.get(object))).message).toBe('503 Unknown');
  });

  it('of a body that is not JSON does not quote it', async () => {
    server.failNext('get', { body: 'token-of-somebody' });
    expect((await failureOf(api.get(object))).message).toBe('MalformedBody');
  });

  it.each(['{}', 'null', '[]', '{"items":[]}', '{"metadata":{"resourceVersion":"1"},"items":{}}'])(
    'is what a list becomes that reads %s',
    async (body) => {
      server.failNext('list', { body });
      expect(await failureOf(api.list(path, {}))).toMatchObject({ code: 0, reason: 'MalformedBody' });
    },
  );

  it('is a body that never ends', async () => {
    server.failNext('list', { body: `"${'x'.repeat(33 * 1024 * 1024)}"` });
    expect(await failureOf(api.list(path, {}))).toMatchObject({ code: 0, reason: 'TooLarge' });
  });

  it('of the connection names the error code', async () => {
    await server.stop();
    expect((await failureOf(api.get(object))).message).toBe('ConnectionFailed (ECONNREFUSED)');
    expect(renewals).toBe(0);
  });

  it('to get credentials says nothing of what the plugin said', async () => {
    const failing = createApi(() => Promise.reject(new Error('password=hunter2')));
    expect((await failureOf(failing.get(object))).message).toBe('CredentialsFailed (Error)');
  });

  it('by 401 has the credentials renewed', async () => {
    server.failNext('get', { status: 401, reason: 'Unauthorized' });
    await failureOf(api.get(object));
    expect(renewals).toBe(1);
  });
});

describe('a watch', () => {
  it('has a connection of its own, which ends with the loop', async () => {
    await api.get(object);
    for await (const event of api.watch(path, { resourceVersion: '100' })) {
      expect(event).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
      await api.get(object);
      break;
    }
    await until(() => server.openWatches === 0);
    expect(server.requests.map(({ verb, connection }) => `${verb} ${connection}`)).toEqual([
      'get 1',
      'watch 2',
      'get 1',
    ]);
    expect(clock.pending()).toEqual([]);
  });

  it('is given up after 55 s of silence, not of activity', async () => {
    const failure = failureOf(drain(api.watch(path, { resourceVersion: '101' })));
    await until(() => server.openWatches === 1);
    clock.advance(54_999);
    server.bookmark();
    await settle();
    clock.advance(54_999);
    await settle();
    expect(server.openWatches).toBe(1);
    clock.advance(1);
    expect(await failure).toMatchObject({ code: 0, reason: 'Timeout' });
    await until(() => server.openWatches === 0);
  });
});
