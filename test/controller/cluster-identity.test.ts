import { beforeAll, describe, expect, it } from 'vitest';
import { learnCluster } from '../../operator/controller/cluster-identity.ts';
import { until } from '../fixtures/fake-clock.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { useApiBench } from './api-bench.ts';

const use = useApiBench();
const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
const discovery = '/.well-known/openid-configuration';
const issuer = 'https://issuer.example';
const defaults = ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'];
const account = { namespace: 'ns', name: 'operator' };

let signer: Signer;
beforeAll(async () => {
  signer = await createSigner('ES256');
});

function present(claims: Readonly<Record<string, unknown>> | string | undefined): void {
  use().token = typeof claims === 'object' ? signer.sign({}, claims) : claims;
}

const accountClaims = {
  ...{ iss: 'https://token.example', aud: ['https://api'], sub: 'system:serviceaccount:ns:operator' },
};

function answerReview(username: string, audiences?: readonly string[]): void {
  use().server.answers.set(reviews, { status: { authenticated: true, user: { username }, audiences } });
}

function answerDiscovery(document: unknown = { issuer }): void {
  use().server.answers.set(discovery, document);
}

describe('a cluster', () => {
  it('tells a ServiceAccount its audiences, its name and the issuer', async () => {
    present(accountClaims);
    answerReview('system:serviceaccount:ns:operator', ['https://api']);
    answerDiscovery();
    expect(await learnCluster(use().api)).toEqual({
      ...{ audiences: ['https://api'], areAudiencesLearned: true, account, issuer },
    });
    expect(use().server.requestsOf('create')).toMatchObject([
      { body: { spec: { token: use().token, audiences: [] } } },
      { path: '/api/v1/namespaces/ns/serviceaccounts/operator/token' },
    ]);
  });

  it('tells any other bearer its audiences', async () => {
    present('static');
    answerReview('admin', ['https://api', 'https://other']);
    answerDiscovery();
    expect(await learnCluster(use().api)).toEqual({
      ...{ audiences: ['https://api', 'https://other'], areAudiencesLearned: true, issuer },
    });
  });

  it('adds what our token says of audiences, each once', async () => {
    present({ ...accountClaims, aud: ['https://api', 'https://both'] });
    answerReview('system:serviceaccount:ns:operator', ['https://api']);
    expect(await learnCluster(use().api)).toMatchObject({ audiences: ['https://api', 'https://both'] });
  });

  it('is not known by the token of somebody who is no ServiceAccount', async () => {
    present({ ...accountClaims, sub: 'somebody' });
    expect(await learnCluster(use().api)).toEqual({
      ...{ audiences: defaults, areAudiencesLearned: false },
      ...{ reviewFailure: 'HTTPError', discoveryFailure: 'HTTPError' },
    });
  });

  it('that reviews nothing is known by our own token', async () => {
    present(accountClaims);
    use().server.failNext('create', { status: 403 });
    use().server.failNext('get', { status: 403 });
    expect(await learnCluster(use().api)).toEqual({
      ...{ audiences: ['https://api'], areAudiencesLearned: true, account },
      issuer: 'https://token.example',
      ...{ reviewFailure: 'Forbidden', discoveryFailure: 'Forbidden' },
    });
  });

  it.each([
    ['a string', 'https://api', ['https://api'], true],
    ['left out, as in old tokens', undefined, defaults, false],
    ['something else', [1, null], defaults, false],
  ])('is known by our own token whose aud is %s', async (_, aud, audiences, areAudiencesLearned) => {
    present({ ...accountClaims, aud });
    expect(await learnCluster(use().api)).toMatchObject({ audiences, areAudiencesLearned, account });
  });

  it.each([
    ['without a token', undefined, 'NoToken'],
    ['with a token that cannot be read', 'opaque', 'HTTPError'],
  ])('is guessed %s', async (_, token, reviewFailure) => {
    present(token);
    answerDiscovery();
    expect(await learnCluster(use().api)).toEqual({
      ...{ audiences: defaults, areAudiencesLearned: false, issuer, reviewFailure },
    });
  });

  it('is guessed when the review names no audiences', async () => {
    present('static');
    answerReview('admin');
    expect(await learnCluster(use().api)).toMatchObject({
      ...{ audiences: defaults, areAudiencesLearned: false, reviewFailure: 'NoAudiences' },
    });
  });

  it('is guessed besides when it does not know our token', async () => {
    present(accountClaims);
    use().server.answers.set(reviews, { status: { error: 'a secret' } });
    expect(await learnCluster(use().api)).toMatchObject({
      ...{ audiences: ['https://api', ...defaults], areAudiencesLearned: false, account },
      reviewFailure: 'NotAuthenticated',
    });
  });

  it('is guessed when our credentials cannot be had', async () => {
    use().token = new Error('password=hunter2');
    expect(await learnCluster(use().api)).toEqual({
      ...{ audiences: defaults, areAudiencesLearned: false },
      ...{ reviewFailure: 'HTTPError', discoveryFailure: 'HTTPError' },
    });
  });

  it('is guessed when it does not answer, in one deadline', async () => {
    const { server, clock, api } = use();
    present('static');
    server.failNext('create', 'hang');
    server.failNext('get', 'hang');
    const identity = learnCluster(api);
    await until(() => server.requests.length === 2);
    clock.advance(10_000);
    expect(await identity).toEqual({
      ...{ audiences: defaults, areAudiencesLearned: false },
      ...{ reviewFailure: 'Timeout', discoveryFailure: 'Timeout' },
    });
    expect(clock.pending()).toEqual([]);
  });
});

describe('a token that is asked for without audiences', () => {
  const request = '/api/v1/namespaces/ns/serviceaccounts/operator/token';
  const issued = () => signer.sign({}, { ...accountClaims, aud: ['https://api', 'https://second'] });

  it('tells those that our own is not for', async () => {
    present(accountClaims);
    answerReview('system:serviceaccount:ns:operator', ['https://api']);
    use().server.answers.set(request, { status: { token: issued() } });
    expect(await learnCluster(use().api)).toMatchObject({ audiences: ['https://api', 'https://second'] });
    expect(use().server.requestsOf('create').at(-1)).toMatchObject({
      path: request,
      body: { spec: { audiences: [] } },
    });
  });

  it('is asked for the usual account where we have no token', async () => {
    use().server.answers.set(request, { status: { token: issued() } });
    const usualAccount = { namespace: 'ns', name: 'operator' };
    expect(await learnCluster(use().api, { usualAccount })).toMatchObject({
      audiences: ['https://api', 'https://second'],
      areAudiencesLearned: true,
    });
  });
});

describe('learning', () => {
  it('ends when it is not wanted any more', async () => {
    const { server, clock, api } = use();
    present('static');
    server.failNext('create', 'hang');
    server.failNext('get', 'hang');
    const controller = new AbortController();
    const identity = learnCluster(api, { signal: controller.signal });
    await until(() => server.requests.length === 2);
    controller.abort();
    const failures = { reviewFailure: 'Timeout', discoveryFailure: 'Timeout' };
    expect(await identity).toMatchObject(failures);
    expect(await learnCluster(api, { signal: controller.signal })).toMatchObject(failures);
    expect(server.requests).toHaveLength(2);
    expect(clock.pending()).toEqual([]);
  });
});

describe('our account', () => {
  it.each([
    'admin',
    'system:serviceaccount:ns',
    'system:serviceaccount:ns:',
    'system:serviceaccount::operator',
    'system:serviceaccount:ns:operator:x',
    'system:serviceaccount:ns:..',
    'system:serviceaccount:ns:a/b',
    'system:serviceaccount:n.s:operator',
    'system:serviceaccount:ns:Operator',
    'system:serviceaccount:ns:operator\n',
    'Xsystem:serviceaccount:ns:operator',
  ])('is not read out of %j', async (username) => {
    present('static');
    answerReview(username, ['https://api']);
    expect(await learnCluster(use().api)).not.toHaveProperty('account');
  });

  it('is the one of the review, where the token says another', async () => {
    present(accountClaims);
    answerReview('system:serviceaccount:other:b.c-d', ['https://api']);
    expect(await learnCluster(use().api)).toMatchObject({ account: { namespace: 'other', name: 'b.c-d' } });
  });
});

describe('the issuer', () => {
  it.each([
    ['is not JSON', '<html>'],
    ['is not an object', '[]'],
    ['has two issuers', `{"issuer":"${issuer}","issuer":"${issuer}"}`],
    ['has none', '{}'],
    ['has one that is no string', '{"issuer":["https://issuer.example"]}'],
    ['has one that is no URL', '{"issuer":"kubernetes/serviceaccount"}'],
    ['has one without TLS', '{"issuer":"http://issuer.example"}'],
    ['has one with a user', '{"issuer":"https://a@issuer.example"}'],
  ])('is that of our token when the document %s', async (_, body) => {
    present(accountClaims);
    use().server.failNext('get', { body });
    expect(await learnCluster(use().api)).toMatchObject({
      ...{ issuer: 'https://token.example', discoveryFailure: 'InvalidDocument' },
    });
  });

  it.each(['kubernetes/serviceaccount', 'http://token.example', undefined, 1])(
    'is not known from a token of %j',
    async (iss) => {
      present({ ...accountClaims, iss });
      expect(await learnCluster(use().api)).not.toHaveProperty('issuer');
    },
  );
});
