import { describe, expect, it } from 'vitest';
import { localError } from '../../operator/controller/api-error.ts';
import { createClusterDocumentFetcher } from '../../operator/controller/cluster-documents.ts';
import type { DocumentOutcome } from '../../operator/keys/outbound.ts';
import { until } from '../fixtures/fake-clock.ts';
import { useApiBench } from './api-bench.ts';

const use = useApiBench();
const jwks = '/openid/v1/jwks';

function fetchDocument(path = jwks, signal?: AbortSignal): Promise<DocumentOutcome> {
  return createClusterDocumentFetcher(use().api)(path, 100, signal);
}

describe('a document of the cluster', () => {
  it('is got with our credentials, as it is', async () => {
    const bench = use();
    bench.token = 't1';
    bench.server.failNext('get', { body: '{"keys": []} ' });
    const outcome = await fetchDocument();
    expect(outcome.ok && Buffer.from(outcome.body).toString()).toBe('{"keys": []} ');
    expect(bench.server.requests).toMatchObject([{ path: jwks, headers: { authorization: 'Bearer t1' } }]);
  });

  it.each([
    [301, 'HTTPError'],
    [401, 'Forbidden'],
    [403, 'Forbidden'],
    [404, 'HTTPError'],
    [429, 'HTTPError'],
    [500, 'HTTPError'],
    [503, 'HTTPError'],
  ])('that is answered with %i is an answer', async (status, failure) => {
    use().server.failNext('get', { status });
    expect(await fetchDocument()).toEqual({ ok: false, failure, answered: true });
  });

  it('that is too large is an answer', async () => {
    use().server.failNext('get', { body: 'x'.repeat(101) });
    expect(await fetchDocument()).toEqual({ ok: false, failure: 'TooLarge', answered: true });
  });

  it('that does not come is none', async () => {
    const { server, clock } = use();
    server.failNext('get', 'reset', 'hang');
    expect(await fetchDocument()).toEqual({ ok: false, failure: 'HTTPError', answered: false });
    const outcome = fetchDocument();
    await until(() => server.requests.length === 2);
    clock.advance(10_000);
    expect(await outcome).toEqual({ ok: false, failure: 'Timeout', answered: false });
    const aborted = await fetchDocument(jwks, AbortSignal.abort());
    expect(aborted).toEqual({ ok: false, failure: 'Timeout', answered: false });
  });

  it('at a server that is not trusted is none', async () => {
    const getBytes = () => Promise.reject(localError('TLSFailed'));
    const outcome = await createClusterDocumentFetcher({ getBytes })(jwks, 100);
    expect(outcome).toEqual({ ok: false, failure: 'TLSFailure', answered: false });
  });

  it.each([
    '',
    'openid/v1/jwks',
    'https://elsewhere.example/openid/v1/jwks',
    '//elsewhere.example/openid/v1/jwks',
    '@elsewhere.example/',
    ':8443/openid/v1/jwks',
    '/openid/../api/v1/secrets',
    '/openid/%2e%2e/api/v1/secrets',
    '/openid/v1/jwks?watch=true',
    '/openid/v1/jwks?',
    '/openid/v1/jwks#keys',
    '/openid/v1\\jwks',
    '/openid/v1/jwks\r\nx: y',
    '/openid/v1/ jwks',
  ])('with the path %j is not asked for', async (path) => {
    expect(await fetchDocument(path)).toEqual({ ok: false, failure: 'AddressNotAllowed', answered: false });
    expect(use().server.requests).toEqual([]);
  });
});
