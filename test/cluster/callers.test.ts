import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { type Operator, startOperator } from '../../operator/commands/operator.ts';
import { type ClusterSource, startClusterSource } from '../../operator/controller/cluster-source.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { collectionPath, mcpAuthPolicies } from '../../operator/controller/resource.ts';
import { createStatusWriter, type StatusWriter } from '../../operator/controller/status-writer.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { post } from '../e2e/callers.ts';
import { namespace, operatorConfiguration } from '../e2e/deployment.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createHurriedClock } from '../fixtures/hurried-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { pickPorts } from './loopback-ports.ts';
import { describeWithCluster } from './require-cluster.ts';

const second = 1000;
const minute = 60 * second;
const atOnce = 50;

describeWithCluster('what callers cause', () => {
  const log = recordLog();
  const clock = createHurriedClock();
  const watching = new AbortController();
  const { installCRD, installRights, leave } = createAdministrator(() => cluster);
  /** Every change of a policy that the API server tells, from when all were ready. */
  const changes: UntypedObject[] = [];
  let cluster: ControlPlane;
  let issuer: ScriptableIssuer;
  let signer: Signer;
  let stranger: Signer;
  let api: KubeApi;
  let writer: StatusWriter;
  let operator: Operator;
  let source: ClusterSource;
  let publicURL: string;

  beforeAll(async () => {
    const ca = await createCertificateAuthority();
    signer = await createSigner('ES256');
    stranger = await createSigner('ES256', { kid: signer.kid });
    issuer = await startScriptableIssuer({ ca, keys: { keys: [signer.publicJwk] } });
    const [port = 0] = await pickPorts(1);
    publicURL = `http://127.0.0.1:${port}`;
    cluster = await startControlPlane();
    await installCRD();
    await startOperatorHere(port);
    await cluster.apply(
      [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'issuer-ca', namespace },
          data: { 'ca.crt': ca.certificatePem },
        },
        policyCalled('busy'),
        policyCalled('quiet'),
      ]
        .map((object) => JSON.stringify(object))
        .join('\n---\n'),
    );
    await watchFromWhenAllAreReady();
  });

  afterAll(async () => {
    watching.abort();
    await Promise.all([operator?.stop(false), source?.stop()]);
    await writer?.close();
    api?.close();
    await issuer?.stop();
    await cluster?.stop();
    leave();
  });

  /** As the command `run` does, with a clock that can be hurried where callers are counted. */
  async function startOperatorHere(port: number): Promise<void> {
    const decoded = decodeConfiguration({
      ...(JSON.parse(operatorConfiguration([Number(new URL(issuer.issuer).port)])) as object),
      publicURL,
    });
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
    const given = { clock: systemClock, random: Math.random, log };
    api = connectToCluster({ kubeconfig: await installRights(), clock: systemClock });
    writer = createStatusWriter({ ...given, api });
    operator = await startOperator({
      options: {
        listen: { host: '127.0.0.1', port },
        adminListen: { host: '127.0.0.1', port: 0 },
        logLevel: 'info',
        logFormat: 'json',
      },
      configuration: decoded.value,
      clock,
      log,
      metrics: createMetrics('1.2.3'),
      isAuthor: () => true,
      onEnforced: (enforced) => operator.seeReplicas([enforced]),
      onStatus: writer.offer,
    });
    source = startClusterSource({ ...given, api, onInputs: operator.update });
  }

  async function watchFromWhenAllAreReady(): Promise<void> {
    const path = collectionPath(mcpAuthPolicies);
    const resourceVersion = await vi.waitFor(
      async () => {
        const page = await api.list(path, {});
        expect(page.items.map((item) => isReady(item as UntypedObject))).toEqual([true, true]);
        return page.resourceVersion;
      },
      { timeout: 60_000, interval: 50 },
    );
    const follow = async (): Promise<void> => {
      for await (const { object } of api.watch(path, { resourceVersion }, { signal: watching.signal }))
        changes.push(object as UntypedObject);
    };
    follow().catch((error: unknown) => {
      if (!watching.signal.aborted) throw error;
    });
  }

  const resourceOf = (name: string): string => `${publicURL}/${namespace}/${name}/mcp`;

  function policyCalled(name: string): object {
    const spec = {
      issuer: issuer.issuer,
      audience: resourceOf(name),
      mode: 'OIDC',
      caBundleRef: { name: 'issuer-ca', key: 'ca.crt' },
    };
    return { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata: { name, namespace }, spec };
  }

  function isReady({ status }: UntypedObject): boolean {
    const { conditions = [] } = (status ?? {}) as McpAuthPolicyStatus;
    return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  }

  function sign(claims: object = {}, by: Signer = signer): string {
    const now = Math.floor(Date.now() / 1000);
    const good = { iss: issuer.issuer, aud: resourceOf('busy'), sub: 'x', iat: now, exp: now + 3600 };
    return by.sign({}, { ...good, ...claims });
  }

  /** Sends requests of each kind in turn, all of which must be refused. */
  async function flood(count: number, kinds: readonly (() => string | undefined)[]): Promise<void> {
    const answers = new Set<number>();
    for (let sent = 0; sent < count; sent += atOnce) {
      const requests = Array.from({ length: Math.min(atOnce, count - sent) }, async (_, index) => {
        const answer = await post(resourceOf('busy'), kinds[(sent + index) % kinds.length]?.());
        answers.add(answer.status);
        await answer.arrayBuffer();
      });
      await Promise.all(requests);
    }
    expect([...answers]).toEqual([401]);
  }

  const verifications = (): readonly McpAuthPolicyStatus['verification'][] =>
    changes.map(({ status }) => (status as McpAuthPolicyStatus).verification);
  const untilChanged = (count: number): Promise<void> =>
    vi.waitFor(() => expect(changes.length).toBeGreaterThanOrEqual(count), {
      timeout: 60_000,
      interval: 20,
    });

  it('is one write for the first that is let in, and one each ten minutes at most for what most are refused for', async () => {
    const expired = (): string => sign({ exp: 1, iat: 0 });
    const foreign = (): string => sign({ iss: 'https://elsewhere.example.com' });
    const misled = (): string => sign({ aud: 'https://elsewhere.example.com/mcp' });
    const forged = (): string => sign({}, stranger);

    expect((await post(resourceOf('busy'), sign())).status).toBe(200);
    await untilChanged(1);
    await flood(3000, [expired, misled, forged, expired, () => 'garbage', () => undefined, () => undefined]);
    expect((await post(resourceOf('busy'), sign())).status).toBe(200);
    clock.hurry(30 * second);
    await untilChanged(2);

    // Looked at too early it would be this reason, at its time it is the next one.
    await flood(100, [misled]);
    clock.hurry(8 * minute);
    await flood(150, [foreign]);
    clock.hurry(2 * minute);
    await untilChanged(3);

    expect(changes.map(({ metadata }) => metadata.name)).toEqual(['busy', 'busy', 'busy']);
    expect(changes.map(isReady)).toEqual([true, true, true]);
    const [first, then, last] = verifications();
    expect(first?.firstAcceptedTime).toMatch(/^20\d\d-.*Z$/);
    expect(first).not.toHaveProperty('rejections');
    const since = expect.stringMatching(/^20\d\d-.*Z$/);
    expect(then).toEqual({ ...first, rejections: { reason: 'token_expired', since } });
    expect(last).toEqual({ ...first, rejections: { reason: 'issuer_mismatch', since } });
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
