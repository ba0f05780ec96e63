import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { post } from '../e2e/callers.ts';
import { eventually } from '../e2e/eventually.ts';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { isReady, reasonsOf } from '../e2e/scenario.ts';
import { readScrape } from '../fixtures/scrape.ts';
import { flipSignatureBit } from '../fixtures/token-tampering.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { serviceAccountIssuer as issuer } from './control-plane-servers.ts';
import { describeWithCluster } from './require-cluster.ts';

const apiAudience = 'https://kubernetes.default.svc';
const namespace = 'team-a';
const self = 'mcp-auth-operator';

/** The rights of the operator: this suite runs under them. */
const rights = join(import.meta.dirname, '../../manifests/rbac.yaml');

describeWithCluster('tokens of ServiceAccounts', () => {
  const { folder, kubectl, write, installCRD, installRights, leave } = createAdministrator(() => cluster);
  let cluster: ControlPlane;
  let operator: OperatorProcess;
  let args: readonly string[];

  const resourceOf = (name: string): string => `${operator.publicURL}/${namespace}/${name}/mcp`;

  const tokenOf = (account: string, ...audiences: readonly string[]): Promise<string> =>
    kubectl('-n', namespace, 'create', 'token', account, ...audiences.map((one) => `--audience=${one}`));

  async function applyPolicy(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace };
    await cluster.apply(
      JSON.stringify({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec }),
    );
  }

  async function untilPolicy(
    name: string,
    isGood: (policy: McpAuthPolicy) => boolean,
  ): Promise<McpAuthPolicy> {
    return await eventually(
      `policy ${name}`,
      async () =>
        JSON.parse(await kubectl('-n', namespace, 'get', 'mcpap', name, '-o', 'json')) as McpAuthPolicy,
      (policy) => policy.status?.observedGeneration === policy.metadata.generation && isGood(policy),
    );
  }

  const seen = ({ metadata, status }: McpAuthPolicy) => ({ generation: metadata.generation ?? 0, status });

  beforeAll(async () => {
    cluster = await startControlPlane();
    await installCRD();
    await kubectl('create', 'namespace', namespace);
    for (const name of ['caller', 'leaver']) await kubectl('-n', namespace, 'create', 'serviceaccount', name);
    const kubeconfig = await installRights();
    const configuration = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'OperatorConfiguration' };
    const configFile = write('configuration.json', JSON.stringify({ ...configuration, clusterIssuer: true }));
    args = ['--kubeconfig', kubeconfig, '--config', configFile];
    operator = await startOperatorProcess('run', args);
    await applyPolicy('reviewed', { issuer, audience: resourceOf('reviewed'), mode: 'TokenReview' });
    await applyPolicy('by-keys', { issuer, audience: resourceOf('by-keys'), mode: 'OIDC' });
    for (const name of ['reviewed', 'by-keys']) await untilPolicy(name, (policy) => isReady(seen(policy)));
  });

  afterAll(async () => {
    expect(await operator?.stop()).toBe(0);
    await cluster?.stop();
    leave();
  });

  it('the statuses say who vouches, and that it was tested', async () => {
    const reviewed = await untilPolicy('reviewed', () => true);
    expect(reasonsOf(seen(reviewed))).toMatchObject({
      IssuerReady: 'Answered',
      Verified: 'Passed',
      Ready: 'Ready',
    });
    expect(reviewed.status?.verification).toMatchObject({ checks: 12, failed: [] });
    expect(reviewed.status?.issuer).toBeUndefined();
    const byKeys = await untilPolicy('by-keys', () => true);
    expect(reasonsOf(seen(byKeys))).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
    expect(byKeys.status?.issuer).toMatchObject({ keys: 1, jwksURI: '/openid/v1/jwks' });
  });

  it.each(['reviewed', 'by-keys'])('%s: a token for its audience is let in, as its account', async (name) => {
    const answer = await post(resourceOf(name), await tokenOf('caller', resourceOf(name)));
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(`system:serviceaccount:${namespace}:caller`);
  });

  it.each(['reviewed', 'by-keys'])('%s: tokens for others, forged ones and garbage are not', async (name) => {
    const good = await tokenOf('caller', resourceOf(name));
    for (const token of [
      await tokenOf('caller', 'https://elsewhere.example.com'),
      await tokenOf('caller'),
      flipSignatureBit(good),
      'garbage',
    ]) {
      const refused = await post(resourceOf(name), token);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(refused.headers.get('www-authenticate')).not.toContain('elsewhere');
    }
  });

  it('a token that is good for one of them is not for the other', async () => {
    const token = await tokenOf('caller', resourceOf('reviewed'));
    expect((await post(resourceOf('reviewed'), token)).status).toBe(200);
    expect((await post(resourceOf('by-keys'), token)).status).toBe(401);
  });

  it.each(['OIDC', 'TokenReview'])('an audience of the API server is refused in mode %s', async (mode) => {
    const name = `greedy-${mode.toLowerCase()}`;
    await applyPolicy(name, { issuer, audience: 'x', additionalAudiences: [apiAudience], mode });
    const policy = await untilPolicy(name, ({ status }) => status?.conditions !== undefined);
    expect(reasonsOf(seen(policy))).toMatchObject({
      Accepted: 'AudienceForbidden',
      Ready: 'AudienceForbidden',
    });
    expect((await post(resourceOf(name), await tokenOf('caller'))).status).toBe(503);
  });

  it('another issuer than the cluster’s is said to be one', async () => {
    await applyPolicy('mistaken', { issuer: `${issuer}/`, audience: 'mistaken', mode: 'TokenReview' });
    const policy = await untilPolicy('mistaken', ({ status }) => status?.conditions !== undefined);
    expect(reasonsOf(seen(policy))).toMatchObject({ IssuerReady: 'IssuerMismatch', Ready: 'IssuerMismatch' });
    expect((await post(resourceOf('mistaken'), await tokenOf('caller', 'mistaken'))).status).toBe(401);
  });

  it('claims may be required of accounts', async () => {
    const resource = resourceOf('only-leaver');
    const requiredClaims = [{ claim: 'sub', values: [`system:serviceaccount:${namespace}:leaver`] }];
    await applyPolicy('only-leaver', { issuer, audience: resource, mode: 'TokenReview', requiredClaims });
    await untilPolicy('only-leaver', (policy) => isReady(seen(policy)));
    expect((await post(resource, await tokenOf('leaver', resource))).status).toBe(200);
    expect((await post(resource, await tokenOf('caller', resource))).status).toBe(403);
  });

  it('a deleted account is let in no longer than the memories last', async () => {
    const token = await tokenOf('leaver', resourceOf('reviewed'));
    expect((await post(resourceOf('reviewed'), token)).status).toBe(200);
    await kubectl('-n', namespace, 'delete', 'serviceaccount', 'leaver');
    const refused = await eventually(
      'a refusal',
      () => post(resourceOf('reviewed'), token),
      ({ status }) => status !== 200,
    );
    expect(refused.status).toBe(401);
  });

  it('while the API server is away reviews cannot be had, and keys still verify', async () => {
    const [reviewed, byKeys] = [
      await tokenOf('caller', resourceOf('reviewed')),
      await tokenOf('caller', resourceOf('by-keys')),
    ];
    await cluster.stopApiServer();
    const undecided = await post(resourceOf('reviewed'), reviewed);
    expect(undecided.status).toBe(503);
    expect(Number(undecided.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(undecided.headers.get('www-authenticate')).toBeNull();
    expect((await post(resourceOf('by-keys'), byKeys)).status).toBe(200);
    await cluster.startApiServer();
    await eventually(
      'reviews again',
      () => post(resourceOf('reviewed'), reviewed),
      ({ status }) => status === 200,
    );
    await untilPolicy('reviewed', (policy) => isReady(seen(policy)));
  });

  it('without the right to review, the status says so', async () => {
    await kubectl('delete', 'clusterrolebinding', self);
    const token = await tokenOf('caller', resourceOf('reviewed'));
    await eventually(
      'a failure',
      () => post(resourceOf('reviewed'), token),
      ({ status }) => status === 503,
    );
    // Statuses cannot be written either: what would be there is on the admin port.
    await eventually(
      'the reason',
      async () => await (await fetch(`${operator.adminURL}/policies`)).text(),
      (text) => text.includes('"Forbidden"'),
    );
    await kubectl('apply', '-f', rights);
    await eventually(
      'reviews again',
      () => post(resourceOf('reviewed'), token),
      ({ status }) => status === 200,
    );
  });

  it('a folder of policies is served with reviews, given a kubeconfig', async () => {
    const policies = mkdtempSync(join(folder(), 'policies-'));
    const served = await startOperatorProcess('serve', ['--policies', policies, ...args]);
    const resource = `${served.publicURL}/${namespace}/served/mcp`;
    const spec = { issuer, audience: resource, mode: 'TokenReview' };
    const metadata = { name: 'served', namespace };
    const manifest = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec };
    writeFileSync(join(policies, 'served.json'), JSON.stringify(manifest));
    const token = await tokenOf('caller', resource);
    await eventually(
      'an admission',
      () => post(resource, token),
      ({ status }) => status === 200,
    );
    expect((await post(resource, await tokenOf('caller'))).status).toBe(401);
    const { read } = readScrape(await (await fetch(`${served.adminURL}/metrics`)).text());
    expect(read('mcp_auth_clock_offset_seconds')).toBeDefined();
    expect(await served.stop()).toBe(0);
  });

  it('no token was logged', async () => {
    expect(operator.log()).not.toMatch(/eyJ/);
    expect(await (await fetch(`${operator.adminURL}/metrics`)).text()).toMatch(
      /mcp_auth_decisions_total\{mode="TokenReview",reason="token_inactive"\} [1-9]/,
    );
  });

  it('a scrape shows what the operator has asked of the cluster, and what it has told it', async () => {
    const { series, read } = readScrape(await (await fetch(`${operator.adminURL}/metrics`)).text());
    const { host } = new URL(cluster.url);
    expect(read(`rest_client_requests_total{code="200",method="PATCH",host="${host}"}`)).toBeGreaterThan(1);
    expect(read(`rest_client_requests_total{code="201",method="POST",host="${host}"}`)).toBeGreaterThan(1);
    expect(new Set(series.map(({ labels }) => labels.host ?? host))).toEqual(new Set([host]));
    const queue = 'name="status",controller="status"';
    expect(read(`workqueue_adds_total{${queue}}`)).toBeGreaterThan(1);
    expect(read(`workqueue_work_duration_seconds_count{${queue}}`)).toBeGreaterThan(1);
    expect(read('controller_runtime_reconcile_total{controller="status",result="success"}')).toBeGreaterThan(
      1,
    );
    expect(read('controller_runtime_reconcile_panics_total{controller="status"}')).toBe(0);
    expect(read('mcp_auth_token_reviews_total{outcome="authenticated"}')).toBeGreaterThan(0);
    expect(read('mcp_auth_token_reviews_total{outcome="not_authenticated"}')).toBeGreaterThan(0);
    expect(read('mcp_auth_cached_objects{resource="mcpauthpolicies"}')).toBeGreaterThan(1);
    expect(read('mcp_auth_cached_objects{resource="configmaps"}')).toBeGreaterThan(0);
    for (const resource of ['mcpauthpolicies', 'configmaps', 'services']) {
      expect(read(`mcp_auth_source_last_sync_timestamp_seconds{resource="${resource}"}`)).toBeGreaterThan(0);
    }
    expect(read('mcp_auth_key_sources{state="held"}')).toBe(1);
    // Both are on this machine.
    expect(Math.abs(read('mcp_auth_clock_offset_seconds') ?? Number.NaN)).toBeLessThan(30);
  });

  it('a restart tests nothing again and writes no status', async () => {
    const versions = async (): Promise<string> =>
      await kubectl('get', 'mcpap', '-A', '-o', 'jsonpath={.items[*].metadata.resourceVersion}');
    await untilPolicy('reviewed', (policy) => isReady(seen(policy)));
    expect(await operator.stop()).toBe(0);
    const before = await versions();
    operator = await startOperatorProcess('run', args, { after: operator });
    await eventually(
      'the statuses are known',
      async () => (await (await fetch(`${operator.adminURL}/policies`)).json()) as McpAuthPolicy[],
      (policies) =>
        ['reviewed', 'by-keys'].every((name) =>
          policies.some((policy) => policy.metadata.name === name && isReady(seen(policy))),
        ),
    );
    expect((await post(resourceOf('by-keys'), await tokenOf('caller', resourceOf('by-keys')))).status).toBe(
      200,
    );
    expect(await versions()).toBe(before);
    // The mistaken one has no good verdict to be taken over.
    expect(await (await fetch(`${operator.adminURL}/metrics`)).text()).not.toMatch(
      /mcp_auth_self_tests_total\{[^}]*result="passed"\} [1-9]/,
    );
  });
});
