import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { post } from '../e2e/callers.ts';
import { eventually } from '../e2e/eventually.ts';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { isReady, reasonsOf } from '../e2e/scenario.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { allClients } from '../upstreams/clients.ts';
import { type RealServer, startKubernetesMcpServer } from '../upstreams/servers.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';

const root = join(import.meta.dirname, '../..');
const self = 'mcp-auth-operator';
const namespace = 'team-a';
const issuer = 'https://idp.example.com';
/** ClusterIPs of this cluster are loopback addresses, so that a Service can be dialled without kube-proxy. */
const serviceRange = '127.96.0.0/16';
const clusterIP = '127.96.0.10';
const port = 8080;

describeWithCluster('kubernetes-mcp-server behind its Service', () => {
  let folder: string;
  let cluster: ControlPlane;
  let server: RealServer;
  let operator: OperatorProcess;
  let signer: Signer;

  async function kubectl(...rest: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(rest);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  function write(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  async function applyService(spec: object): Promise<void> {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kubernetes-mcp', namespace },
      spec,
    };
    await kubectl('-n', namespace, 'delete', 'service', 'kubernetes-mcp', '--ignore-not-found');
    await cluster.apply(JSON.stringify(service));
  }

  const goodService = { clusterIP, selector: { app: 'kubernetes-mcp' }, ports: [{ port }] };

  async function applyPolicy(in_: string, audience: string): Promise<void> {
    const spec = {
      ...{ issuer, audience, mode: 'Offline' },
      jwks: { inline: JSON.stringify({ keys: [signer.publicJwk] }) },
      upstream: { service: { name: 'kubernetes-mcp', port } },
      tools: [{ names: ['namespaces_list'], scopes: ['namespaces:read'] }],
    };
    const metadata = { name: 'x', namespace: in_ };
    await cluster.apply(
      JSON.stringify({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec }),
    );
  }

  const token = (scope: string): string => {
    const now = Math.floor(Date.now() / 1000);
    return signer.sign({}, { iss: issuer, aud: 'x', sub: 'alice', iat: now, exp: now + 300, scope });
  };

  const resource = (in_ = namespace): string => `${operator.publicURL}/${in_}/x/mcp`;

  async function untilSeen(isGood: (policy: McpAuthPolicy) => boolean, in_ = namespace): Promise<void> {
    await eventually(
      'the policy',
      async () => JSON.parse(await kubectl('-n', in_, 'get', 'mcpap', 'x', '-o', 'json')) as McpAuthPolicy,
      (policy) => policy.status?.observedGeneration === policy.metadata.generation && isGood(policy),
    );
  }

  const seen = ({ metadata, status }: McpAuthPolicy) => ({ generation: metadata.generation ?? 0, status });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-auth-upstream-'));
    cluster = await startControlPlane({ apiServerArgs: [`--service-cluster-ip-range=${serviceRange}`] });
    signer = await createSigner('ES256');
    server = await startKubernetesMcpServer(cluster.kubeconfigPath, { host: clusterIP, port });
    await kubectl('apply', '-f', join(root, 'crds'), '-f', join(root, 'manifests/rbac.yaml'));
    await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
    await kubectl('create', 'namespace', namespace);
    await kubectl('create', 'namespace', 'team-b');
    await applyService(goodService);
    const own = await kubectl('-n', self, 'create', 'token', self);
    const kubeconfig = write('kubeconfig', kubeconfigFor(cluster, { token: own }));
    operator = await startOperatorProcess('run', ['--kubeconfig', kubeconfig, '--pod-namespace', self]);
    await applyPolicy(namespace, 'x');
    await untilSeen((policy) => isReady(seen(policy)));
  });

  afterAll(async () => {
    await operator?.stop();
    await server?.stop();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each(allClients)('called by %s', (_, connect) => {
    it('answers what the cluster says; the tool of a rule is for callers with its scope', async () => {
      const without = await connect(resource(), token('other'));
      expect(await without.listTools()).toContain('pods_list');
      expect(await without.listTools()).not.toContain('namespaces_list');
      await expect(without.callTool('namespaces_list')).rejects.toThrow(/scope|403/i);
      await without.close();
      const withScope = await connect(resource(), token('namespaces:read'));
      expect(await withScope.listTools()).toContain('namespaces_list');
      expect(await withScope.callTool('namespaces_list')).toContain(self);
      await withScope.close();
    });
  });

  it('a policy of another namespace does not reach it', async () => {
    await applyPolicy('team-b', 'x');
    await untilSeen((policy) => reasonsOf(seen(policy)).ResolvedRefs === 'RefNotFound', 'team-b');
    expect((await post(resource('team-b'), token('x'))).status).toBe(503);
  });

  it.each([
    ['ExternalName', { type: 'ExternalName', externalName: 'elsewhere.example.com' }],
    ['headless', { ...goodService, clusterIP: 'None' }],
    ['without a selector', { clusterIP, ports: [{ port }] }],
    ['without the port', { ...goodService, ports: [{ port: 81 }] }],
  ])('a Service that becomes %s is refused at once, and served again afterwards', async (_, spec) => {
    await applyService(spec);
    await untilSeen((policy) => reasonsOf(seen(policy)).ResolvedRefs === 'InvalidRef');
    expect((await post(resource(), token('x'))).status).toBe(503);
    await applyService(goodService);
    await untilSeen((policy) => isReady(seen(policy)));
    const client = await connectAny();
    expect(await client.listTools()).toContain('pods_list');
    await client.close();
  });

  async function connectAny() {
    const [[, connect] = []] = allClients;
    if (connect === undefined) throw new Error('there is no client');
    return await connect(resource(), token('x'));
  }
});
