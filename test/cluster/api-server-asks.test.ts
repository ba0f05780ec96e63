import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createClusterDocumentFetcher } from '../../operator/controller/cluster-documents.ts';
import { learnCluster } from '../../operator/controller/cluster-identity.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { createRequestToken } from '../../operator/controller/token-requests.ts';
import { createReviewToken } from '../../operator/controller/token-reviews.ts';
import { systemClock } from '../../operator/time/clock.ts';
import type { ReviewOutcome } from '../../operator/verify/review-token.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { serviceAccountIssuer } from './control-plane-servers.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';

const namespace = 'team-a';
const audience = 'https://mcp.example';
const apiAudiences = ['https://kubernetes.default.svc', 'https://second.example'];
const defaultAudiences = ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'];

describeWithCluster('what is asked of the API server', () => {
  const connections: KubeApi[] = [];
  const administrator = createAdministrator(() => cluster);
  const { write, leave } = administrator;
  let cluster: ControlPlane;
  let asAdmin: KubeApi;
  let asTenant: KubeApi;
  let asOperator: KubeApi;
  let asCertificate: KubeApi;

  beforeAll(async () => {
    const authority = await createCertificateAuthority();
    const clientCaFile = write('client-ca.pem', authority.certificatePem);
    cluster = await startControlPlane({
      // Added to the audience that it is started with.
      apiServerArgs: [`--client-ca-file=${clientCaFile}`, '--api-audiences=https://second.example'],
    });
    await kubectl('create', 'namespace', namespace);
    for (const name of ['operator', 'caller', 'bystander']) await kubectl('create', 'serviceaccount', name);
    const operator = `--serviceaccount=${namespace}:operator`;
    await kubectl('create', 'clusterrolebinding', 'reviews', '--clusterrole=system:auth-delegator', operator);
    const oneName = ['--resource=serviceaccounts/token', '--resource-name=operator'];
    await kubectl('create', 'role', 'own-token', '--verb=create', ...oneName);
    await kubectl('create', 'rolebinding', 'own-token', '--role=own-token', operator);
    const discovery = '--clusterrole=system:service-account-issuer-discovery';
    await kubectl('create', 'clusterrolebinding', 'discovery', discovery, '--user=Test server');

    asAdmin = connect(cluster.kubeconfigPath);
    asTenant = connect(cluster.kubeconfigFor('tenant-a'));
    write('operator.token', `${await tokenOf('operator')}\n`);
    asOperator = connectAs('operator', { tokenFile: 'operator.token' });
    const { keyPem, certificatePem } = await authority.issue({ hosts: ['client.example'] });
    const [certificate, key] = [certificatePem, keyPem].map((pem) => Buffer.from(pem).toString('base64'));
    asCertificate = connectAs('cert', { 'client-certificate-data': certificate, 'client-key-data': key });
  });

  afterAll(async () => {
    for (const api of connections) api.close();
    await cluster?.stop();
    leave();
  });

  function connect(kubeconfig: string): KubeApi {
    const api = connectToCluster({ kubeconfig, clock: systemClock });
    connections.push(api);
    return api;
  }

  function connectAs(name: string, user: object): KubeApi {
    return connect(write(`${name}.kubeconfig`, kubeconfigFor(cluster, user)));
  }

  const kubectl = (...args: readonly string[]): Promise<string> =>
    administrator.kubectl(...args, '--namespace', namespace);

  const tokenOf = (account: string, ...audiences: readonly string[]): Promise<string> =>
    kubectl('create', 'token', account, ...audiences.map((each) => `--audience=${each}`));

  const review = (token: string, audiences: readonly string[] = [audience]): Promise<ReviewOutcome> =>
    createReviewToken(asOperator)(token, audiences);

  const forbidden = { kind: 'failed', failure: 'Forbidden' };
  const refused = { kind: 'not-authenticated' };
  const caller = { kind: 'authenticated', username: `system:serviceaccount:${namespace}:caller` };

  it('says for which of the audiences a token is', async () => {
    const token = await tokenOf('caller', audience, 'https://third.example');
    expect(await review(token, ['https://other.example', audience])).toEqual({
      ...caller,
      audiences: [audience],
    });
  });

  it('does not authenticate a token that is for none of the audiences', async () => {
    expect(await review(await tokenOf('caller', 'https://other.example'))).toEqual(refused);
    const forApiServer = await tokenOf('caller');
    expect(await review(forApiServer)).toEqual(refused);
    expect(await review(forApiServer, [])).toEqual({ ...caller, audiences: apiAudiences });
    expect(await review(await tokenOf('caller', audience), [])).toEqual(refused);
  });

  it.each([
    ['a word', 'garbage'],
    ['three segments', 'a.b.c'],
    ['letters of all kinds', 'tökén-😀'],
    ['white space', 'a b'],
    ['control characters', 'a\u0000\nb'],
    ['half a character', 'a\ud800b'],
    ['a whole megabyte', 'x'.repeat(1024 * 1024)],
  ])('does not authenticate %s', async (_, token) => {
    expect(await review(token)).toEqual(refused);
  });

  it('does not authenticate a token with another signature', async () => {
    const token = await tokenOf('caller', audience);
    const other = await tokenOf('caller', audience, 'https://third.example');
    const mixed = [...token.split('.').slice(0, 2), ...other.split('.').slice(2)].join('.');
    expect(await review(mixed)).toEqual(refused);
  });

  it('does not judge what is no token at all', async () => {
    const failed = { kind: 'failed', failure: 'HTTPError' };
    // 400 and 413: nothing that comes in an Authorization header is empty or as long.
    expect(await review('')).toEqual(failed);
    expect(await review('x'.repeat(4 * 1024 * 1024))).toEqual(failed);
  });

  it('does not authenticate a token whose ServiceAccount is gone', async () => {
    await kubectl('create', 'serviceaccount', 'leaver');
    const token = await tokenOf('leaver', audience);
    expect(await review(token)).toMatchObject({ kind: 'authenticated' });
    await kubectl('delete', 'serviceaccount', 'leaver');
    // The API server itself remembers good tokens for ten seconds.
    await vi.waitFor(async () => expect(await review(token)).toEqual(refused), 60_000);
  });

  it('reviews for nobody without the right to ask', async () => {
    const token = await tokenOf('caller', audience);
    expect(await createReviewToken(asTenant)(token, [audience])).toEqual(forbidden);
    const asNobody = connectAs('nobody', { token: 'not-a-token' });
    expect(await createReviewToken(asNobody)(token, [audience])).toEqual(forbidden);
  });

  it('makes a token for our own ServiceAccount, and by this right for no other', async () => {
    const request = createRequestToken(asOperator);
    const own = await request({ namespace, name: 'operator' }, audience);
    const username = `system:serviceaccount:${namespace}:operator`;
    expect(await review(own.ok ? own.token : '')).toEqual({
      ...{ kind: 'authenticated', username, audiences: [audience] },
    });
    for (const name of ['caller', 'nobody']) {
      expect(await request({ namespace, name }, audience)).toEqual({ ok: false, failure: 'Forbidden' });
    }
  });

  it('makes no token for a ServiceAccount that does not exist', async () => {
    const outcome = await createRequestToken(asAdmin)({ namespace, name: 'nobody' }, audience);
    expect(outcome).toEqual({ ok: false, failure: 'NotFound' });
  });

  it('tells a ServiceAccount that may review who it is, and where', async () => {
    expect(await learnCluster(asOperator)).toEqual({
      ...{ audiences: apiAudiences, areAudiencesLearned: true, issuer: serviceAccountIssuer },
      account: { namespace, name: 'operator' },
    });
  });

  it('tells the same to a ServiceAccount that may not, by its token', async () => {
    const asBystander = connectAs('bystander', { token: await tokenOf('bystander') });
    expect(await learnCluster(asBystander)).toEqual({
      ...{ audiences: apiAudiences, areAudiencesLearned: true, issuer: serviceAccountIssuer },
      ...{ account: { namespace, name: 'bystander' }, reviewFailure: 'Forbidden' },
    });
  });

  it('tells the holder of a static token all audiences', async () => {
    expect(await learnCluster(asAdmin)).toEqual({
      ...{ audiences: apiAudiences, areAudiencesLearned: true, issuer: serviceAccountIssuer },
    });
  });

  it('tells nothing to a user without rights', async () => {
    expect(await learnCluster(asTenant)).toEqual({
      ...{ audiences: defaultAudiences, areAudiencesLearned: false },
      ...{ reviewFailure: 'Forbidden', discoveryFailure: 'Forbidden' },
    });
  });

  it('tells the holder of a client certificate the issuer', async () => {
    expect(await learnCluster(asCertificate)).toEqual({
      ...{ audiences: defaultAudiences, areAudiencesLearned: false },
      ...{ issuer: serviceAccountIssuer, reviewFailure: 'NoToken' },
    });
  });

  it.each([
    ['/.well-known/openid-configuration', 'jwks_uri'],
    ['/openid/v1/jwks', 'keys'],
  ])('gives %s to those who may, and to no others', async (path, member) => {
    for (const api of [asOperator, asCertificate]) {
      const document = await createClusterDocumentFetcher(api)(path, 65_536);
      const text = document.ok ? Buffer.from(document.body).toString() : '{}';
      expect(JSON.parse(text)).toHaveProperty(member);
    }
    const refusal = await createClusterDocumentFetcher(asTenant)(path, 65_536);
    expect(refusal).toEqual({ ok: false, failure: 'Forbidden', answered: true });
  });

  it('can be asked again after an outage', async () => {
    const token = await tokenOf('caller', audience);
    const good = { ...caller, audiences: [audience] };
    expect(await review(token)).toEqual(good);
    await cluster.stopApiServer();
    expect(await review(token)).toEqual({ kind: 'failed', failure: 'HTTPError' });
    expect(await learnCluster(asTenant)).toMatchObject({ reviewFailure: 'HTTPError' });
    await cluster.startApiServer();
    expect(await review(token)).toEqual(good);
  });
});
