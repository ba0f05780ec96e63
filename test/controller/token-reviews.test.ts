import { describe, expect, it } from 'vitest';
import { localError } from '../../operator/controller/api-error.ts';
import { createKubeApi } from '../../operator/controller/kube-api.ts';
import { createReviewToken } from '../../operator/controller/token-reviews.ts';
import type { ReviewOutcome } from '../../operator/verify/review-token.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, until } from '../fixtures/fake-clock.ts';
import { useApiBench } from './api-bench.ts';
import { FakeApiServer } from './fake-api-server.ts';
import type { RequestFault } from './fake-faults.ts';

const use = useApiBench();
const path = '/apis/authentication.k8s.io/v1/tokenreviews';
const token = 'token-of-somebody';

function review(signal?: AbortSignal): Promise<ReviewOutcome> {
  return createReviewToken(use().api)(token, ['https://mcp.example'], signal);
}

describe('a TokenReview', () => {
  it('asks for the audiences and tells which of them the token is for', async () => {
    const { server } = use();
    const status = {
      authenticated: true,
      user: { username: 'system:serviceaccount:ns:a', groups: ['all'] },
      audiences: ['https://mcp.example'],
    };
    server.answers.set(path, { kind: 'TokenReview', spec: { token }, status });
    expect(await review()).toEqual({
      kind: 'authenticated',
      username: 'system:serviceaccount:ns:a',
      audiences: ['https://mcp.example'],
    });
    expect(server.requests).toMatchObject([
      {
        ...{ verb: 'create', path, query: {} },
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token, audiences: ['https://mcp.example'] },
        },
      },
    ]);
  });

  const user = { username: 'a' };
  it.each([
    ['a foreign audience', { user: {}, error: `token audiences ["${token}"] is invalid` }],
    ['no members', {}],
    ['false', { authenticated: false, user, audiences: ['https://mcp.example'] }],
    ['a word for true', { authenticated: 'true', user, audiences: ['https://mcp.example'] }],
    ['a number for true', { authenticated: 1, user }],
  ])('whose status has %s does not authenticate', async (_, status) => {
    use().server.answers.set(path, { status });
    expect(await review()).toEqual({ kind: 'not-authenticated' });
  });

  it.each([
    ['is left out', undefined],
    ['is null', null],
    ['is a string', 'https://mcp.example'],
    ['has something else in it', ['https://mcp.example', 1]],
  ])('whose list of audiences %s names none', async (_, audiences) => {
    use().server.answers.set(path, { status: { authenticated: true, user, audiences } });
    expect(await review()).toEqual({ kind: 'authenticated', username: 'a', audiences: [] });
  });

  it('that says an error besides is good all the same', async () => {
    use().server.answers.set(path, {
      status: { authenticated: true, user, audiences: ['b'], error: 'a webhook is away' },
    });
    expect(await review()).toEqual({ kind: 'authenticated', username: 'a', audiences: ['b'] });
  });

  it.each([
    ['is not an object', 'x'],
    ['is a list', []],
    ['is null', null],
    ['is a Status', { kind: 'Status', status: 'Success' }],
    ['has no status', { kind: 'TokenReview', spec: {} }],
    ['has a status of null', { status: null }],
    ['has a status that is a list', { status: [{ authenticated: true, user }] }],
    ['authenticates nobody', { status: { authenticated: true } }],
    ['authenticates null', { status: { authenticated: true, user: null } }],
    ['authenticates a user without a name', { status: { authenticated: true, user: {} } }],
    ['authenticates an empty name', { status: { authenticated: true, user: { username: '' } } }],
    ['authenticates a number', { status: { authenticated: true, user: { username: 1 } } }],
  ])('that %s answers nothing', async (_, answer) => {
    use().server.failNext('create', { body: JSON.stringify(answer) });
    expect(await review()).toEqual({ kind: 'failed', failure: 'InvalidDocument' });
  });
});

describe('a TokenReview that fails', () => {
  it.each([
    [401, 'Unauthorized', 'Forbidden'],
    [403, 'Forbidden', 'Forbidden'],
    [302, 'Found', 'HTTPError'],
    [400, 'BadRequest', 'HTTPError'],
    [404, 'NotFound', 'HTTPError'],
    [413, 'RequestEntityTooLarge', 'HTTPError'],
    [422, 'Invalid', 'HTTPError'],
    [500, 'InternalError', 'HTTPError'],
    [503, 'ServiceUnavailable', 'HTTPError'],
    [504, 'Timeout', 'HTTPError'],
  ])('with %i %s is told as %s', async (status, reason, failure) => {
    use().server.failNext('create', { status, reason });
    expect(await review()).toEqual({ kind: 'failed', failure });
  });

  it.each([429, 500, 503])('with %i passes Retry-After on', async (status) => {
    use().server.failNext('create', { status, retryAfter: '7' });
    expect(await review()).toEqual({ kind: 'failed', failure: 'HTTPError', retryAfterSeconds: 7 });
  });

  const faults: readonly [string, RequestFault, string][] = [
    ['garbage', { body: `<html>${token}` }, 'InvalidDocument'],
    ['an empty body', { body: '' }, 'InvalidDocument'],
    ['a reset', 'reset', 'HTTPError'],
  ];
  it.each(faults)('by %s is told coarsely', async (_, fault, failure) => {
    use().server.failNext('create', fault);
    expect(await review()).toEqual({ kind: 'failed', failure });
  });

  it('because the server is away can be asked again', async () => {
    const { server } = use();
    await server.stop();
    expect(await review()).toEqual({ kind: 'failed', failure: 'HTTPError' });
    await server.start();
    server.answers.set(path, { status: {} });
    expect(await review()).toEqual({ kind: 'not-authenticated' });
  });

  it('to come in 10 s is a Timeout', async () => {
    const { server, clock } = use();
    server.failNext('create', 'hang');
    const outcome = review();
    await until(() => server.requests.length === 1);
    clock.advance(10_000);
    expect(await outcome).toEqual({ kind: 'failed', failure: 'Timeout' });
    expect(clock.pending()).toEqual([]);
  });

  it('because it is not wanted any more is a Timeout', async () => {
    const { server, clock } = use();
    server.failNext('create', 'hang');
    const controller = new AbortController();
    const outcome = review(controller.signal);
    await until(() => server.requests.length === 1);
    controller.abort();
    expect(await outcome).toEqual({ kind: 'failed', failure: 'Timeout' });
    expect(await review(controller.signal)).toEqual({ kind: 'failed', failure: 'Timeout' });
    expect(clock.pending()).toEqual([]);
  });

  it('for want of credentials says nothing of why', async () => {
    const bench = use();
    bench.token = new Error('password=hunter2');
    expect(await review()).toEqual({ kind: 'failed', failure: 'HTTPError' });
  });

  it('with more than can be read answers nothing', async () => {
    const create = () => Promise.reject(localError('TooLarge'));
    const outcome = await createReviewToken({ create })(token, []);
    expect(outcome).toEqual({ kind: 'failed', failure: 'InvalidDocument' });
  });

  it('before the request, at a server of another authority, is a TLSFailure', async () => {
    const [authority, other] = await Promise.all([
      createCertificateAuthority(),
      createCertificateAuthority(),
    ]);
    const { keyPem, certificatePem } = await authority.issue({ hosts: ['127.0.0.1'] });
    const server = new FakeApiServer({ key: keyPem, cert: certificatePem });
    await server.start();
    const api = createKubeApi({
      ...{ server: server.url, clock: createFakeClock(), renew: () => undefined },
      async authenticate(options) {
        options.ca = other.certificatePem;
      },
    });
    try {
      const outcome = await createReviewToken(api)(token, []);
      expect(outcome).toEqual({ kind: 'failed', failure: 'TLSFailure' });
      expect(server.requests).toEqual([]);
    } finally {
      api.close();
      await server.stop();
    }
  });
});
