import { describe, expect, it } from 'vitest';
import { createRequestToken, type TokenRequestOutcome } from '../../operator/controller/token-requests.ts';
import { until } from '../fixtures/fake-clock.ts';
import { useApiBench } from './api-bench.ts';

const use = useApiBench();
const path = '/api/v1/namespaces/ns/serviceaccounts/mcp-auth.operator/token';

function request(signal?: AbortSignal): Promise<TokenRequestOutcome> {
  const account = { namespace: 'ns', name: 'mcp-auth.operator' };
  return createRequestToken(use().api)(account, 'https://mcp.example', signal);
}

describe('a TokenRequest', () => {
  it('asks for one audience and ten minutes', async () => {
    const { server } = use();
    server.answers.set(path, { kind: 'TokenRequest', status: { token: 'a.b.c' } });
    expect(await request()).toEqual({ ok: true, token: 'a.b.c' });
    expect(server.requests).toMatchObject([
      {
        ...{ verb: 'create', path },
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { audiences: ['https://mcp.example'], expirationSeconds: 600 },
        },
      },
    ]);
  });

  it.each([null, {}, { status: null }, { status: {} }, { status: { token: '' } }, { status: { token: 1 } }])(
    'is a failure when it answers %j',
    async (answer) => {
      use().server.failNext('create', { body: JSON.stringify(answer) });
      expect(await request()).toEqual({ ok: false, failure: 'InvalidDocument' });
    },
  );

  it.each([
    [401, 'Forbidden'],
    [403, 'Forbidden'],
    [404, 'NotFound'],
    [429, 'HTTPError'],
    [500, 'HTTPError'],
  ])('with %i is told as %s', async (status, failure) => {
    use().server.failNext('create', { status, retryAfter: '7' });
    expect(await request()).toEqual({ ok: false, failure });
  });

  it('is a failure without an answer', async () => {
    const { server, clock } = use();
    server.failNext('create', 'reset', 'hang');
    expect(await request()).toEqual({ ok: false, failure: 'HTTPError' });
    const outcome = request();
    await until(() => server.requests.length === 2);
    clock.advance(10_000);
    expect(await outcome).toEqual({ ok: false, failure: 'Timeout' });
    expect(await request(AbortSignal.abort())).toEqual({ ok: false, failure: 'Timeout' });
  });
});
