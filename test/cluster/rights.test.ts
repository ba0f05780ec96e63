import { readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { createEventRecorder } from '../../operator/controller/event-recorder.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { post } from '../e2e/callers.ts';
import { eventually } from '../e2e/eventually.ts';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { isReady } from '../e2e/scenario.ts';
import { createFakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { createAdministrator } from './administrator.ts';
import { type AuditedRequest, auditPolicy, readRequestsOf } from './audit-log.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { serviceAccountIssuer } from './control-plane-servers.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';
import { grantedRights, neededRights, type RoleManifest } from './rights.ts';

const manifests = join(import.meta.dirname, '../../manifests');
const self = 'mcp-auth-operator';
/** Two, since a right that is used in one namespace need not be granted everywhere. */
const tenants = ['team-a', 'team-b'];
const names = ['one', 'two'];

describeWithCluster('the rights of the manifests', () => {
  let cluster: ControlPlane;
  let kubeconfig: string;
  let requests: readonly AuditedRequest[];
  const replicas = new Map<string, OperatorProcess>();
  const { folder, kubectl, write, leave } = createAdministrator(() => cluster);

  async function start(name: string): Promise<void> {
    const configuration = {
      ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'OperatorConfiguration' },
      ...{ publicURL: 'http://127.0.0.1:1', additionalHosts: ['127.0.0.1'], clusterIssuer: true },
      intervals: { lameDuck: '0s' },
    };
    const args = [
      ...['--kubeconfig', kubeconfig, '--pod-namespace', self, '--pod-name', name],
      ...['--config', write('configuration.json', JSON.stringify(configuration))],
    ];
    replicas.set(name, await startOperatorProcess('run', args, { publicURL: null }));
  }

  async function apply(kind: string, namespace: string, name: string, content: object): Promise<void> {
    const apiVersion = kind === 'McpAuthPolicy' ? 'mcpauth.dev/v1alpha1' : 'v1';
    await cluster.apply(JSON.stringify({ apiVersion, kind, metadata: { namespace, name }, ...content }));
  }

  const applyPolicy = (namespace: string, name: string, spec: object): Promise<void> =>
    apply('McpAuthPolicy', namespace, name, { spec: { audience: `${namespace}-${name}`, ...spec } });

  async function untilReady(namespace: string, name: string): Promise<void> {
    await eventually(
      `policy ${namespace}/${name}`,
      async () =>
        JSON.parse(await kubectl('-n', namespace, 'get', 'mcpap', name, '-o', 'json')) as McpAuthPolicy,
      ({ metadata: { generation = 0 }, status }) =>
        status?.observedGeneration === generation && isReady({ generation, status }),
    );
  }

  const holder = async (): Promise<string> =>
    (await kubectl('-n', self, 'get', 'lease', self, '-o', 'jsonpath={.spec.holderIdentity}')).split(
      '_',
    )[0] ?? '';

  beforeAll(async () => {
    const log = join(folder(), 'audit.log');
    const policy = write('audit-policy.json', auditPolicy);
    const apiServerArgs = [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`];
    cluster = await startControlPlane({ apiServerArgs });
    await kubectl('apply', '--server-side', '-k', manifests);
    await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
    for (const namespace of tenants) await kubectl('create', 'namespace', namespace);
    const token = await kubectl('-n', self, 'create', 'token', self);
    kubeconfig = write('kubeconfig', kubeconfigFor(cluster, { token }));
    for (const name of names) await start(name);
    await useEveryMode();
    await loseTheLeader();
    await repeatEvents();
    for (const replica of replicas.values()) expect(await replica.stop()).toBe(0);
    // Once it has ended, everything is in its log.
    await cluster.stopApiServer();
    requests = readRequestsOf(`system:serviceaccount:${self}:${self}`, readFileSync(log, 'utf8'));
  }, 240_000);

  afterAll(async () => {
    for (const replica of replicas.values()) await replica.stop();
    await cluster?.stop();
    leave();
  });

  async function useEveryMode(): Promise<void> {
    const inline = JSON.stringify({ keys: [(await createSigner('ES256')).publicJwk] });
    for (const namespace of tenants) {
      const jwks = { configMapRef: { name: `keys-of-${namespace}`, key: 'jwks.json' } };
      await kubectl('-n', namespace, 'create', 'serviceaccount', 'caller');
      await apply('ConfigMap', namespace, jwks.configMapRef.name, { data: { 'jwks.json': inline } });
      await applyPolicy(namespace, 'offline', { issuer: 'https://idp.example.com', mode: 'Offline', jwks });
      const service = { name: `mcp-of-${namespace}`, port: 80 };
      await apply('Service', namespace, service.name, {
        spec: { selector: { app: 'mcp' }, ports: [{ port: 80 }] },
      });
      const front = { issuer: serviceAccountIssuer, mode: 'OIDC', upstream: { service } };
      await applyPolicy(namespace, 'front', front);
      await applyPolicy(namespace, 'reviewed', { issuer: serviceAccountIssuer, mode: 'TokenReview' });
      await applyPolicy(namespace, 'by-keys', { issuer: serviceAccountIssuer, mode: 'OIDC' });
      for (const name of ['offline', 'front', 'reviewed', 'by-keys']) await untilReady(namespace, name);
    }
    const audience = '--audience=team-a-reviewed';
    const token = await kubectl('-n', 'team-a', 'create', 'token', 'caller', audience);
    for (const { publicURL } of replicas.values()) {
      expect((await post(`${publicURL}/team-a/reviewed/mcp`, token)).status).toBe(200);
    }
  }

  /** Without a farewell: its Leases stay, and expire. Then it is started again, as kubelet would. */
  async function loseTheLeader(): Promise<void> {
    const lost = await holder();
    expect(names).toContain(lost);
    replicas.get(lost)?.signal('SIGKILL');
    expect(await replicas.get(lost)?.stop()).toBe(null);
    await eventually('another leader', holder, (name) => name !== lost);
    await start(lost);
    await applyPolicy('team-a', 'later', { issuer: serviceAccountIssuer, mode: 'TokenReview' });
    await untilReady('team-a', 'later');
  }

  /** A replica would count repetitions of an Event after five minutes: too long to wait for, so its recorder does it here. */
  async function repeatEvents(): Promise<void> {
    const clock = createFakeClock(Date.now());
    const log = recordLog();
    const api = connectToCluster({ kubeconfig, clock: systemClock });
    const reporter = { reportingController: 'mcpauth.dev/operator', reportingInstance: 'one' };
    const recorder = createEventRecorder({ api, clock, random: Math.random, log, ...reporter });
    const event = { type: 'Warning', reason: 'Timeout', action: 'Verify', note: 'No answer.' } as const;
    for (const namespace of tenants) {
      const text = await kubectl('-n', namespace, 'get', 'mcpap', 'reviewed', '-o', 'json');
      for (let time = 1; time <= 2; time += 1) recorder.record(JSON.parse(text) as UntypedObject, event);
    }
    await until(() => clock.pending().filter((ms) => ms === 300_000).length === tenants.length);
    clock.advance(300_000);
    for (const namespace of tenants) {
      await eventually(
        'a counted event',
        () =>
          kubectl('-n', namespace, 'get', 'events.events.k8s.io', '-o', 'jsonpath={.items[*].series.count}'),
        (counts) => counts === '2',
      );
    }
    await recorder.close();
    api.close();
    expect(log.lines).toEqual([]);
  }

  it('nothing was refused for want of a right', () => {
    expect(requests.filter(({ code }) => code === 401 || code === 403)).toEqual([]);
  });

  const rightsOf = (text: string): readonly string[] =>
    grantedRights(
      parseAllDocuments(text)
        .map((document) => document.toJS() as RoleManifest & { readonly kind: string })
        .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole'),
    );

  it('are those that are used, and no others', async () => {
    expect(neededRights(requests)).toEqual(rightsOf(await kubectl('kustomize', manifests)));
  });

  it('are the same with a Role in each namespace, and only reviews are allowed everywhere', async () => {
    const base = relative(realpathSync(folder()), manifests);
    const kustomization = { resources: [base], components: [join(base, 'namespaced')] };
    write('kustomization.yaml', JSON.stringify(kustomization));
    const common = rightsOf(await kubectl('kustomize', folder()));
    expect(common.filter((right) => right.includes('everywhere'))).toEqual([
      'create tokenreviews.authentication.k8s.io everywhere',
    ]);
    const ofTenant = rightsOf(readFileSync(join(manifests, 'namespaced/tenant.yaml'), 'utf8'));
    expect([...common, ...ofTenant].sort()).toEqual(rightsOf(await kubectl('kustomize', manifests)));
  });

  it('discovery documents need none of them', () => {
    const paths = requests.filter(({ object }) => object === undefined).map(({ path }) => path);
    expect([...new Set(paths)].sort()).toEqual(['/.well-known/openid-configuration', '/openid/v1/jwks']);
  });
});
