import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Condition, McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { issuerCaManifest } from '../demo/development-issuer.ts';
import { eventually } from '../e2e/eventually.ts';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeWithCluster } from './require-cluster.ts';

const root = join(import.meta.dirname, '../..');
const namespace = 'team-a';

describeWithCluster('a policy in front of a Service of a real cluster', () => {
  const { kubectl, installCRD, installRights, leave } = createAdministrator(() => cluster);
  let cluster: ControlPlane;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await startControlPlane();
    await installCRD();
    await kubectl('create', 'namespace', namespace);
    operator = await startOperatorProcess('run', ['--kubeconfig', await installRights()]);
  });

  afterAll(async () => {
    await operator?.stop();
    await cluster?.stop();
    leave();
  });

  const apply = (apiVersion: string, kind: string, name: string, spec: object): Promise<void> =>
    cluster.apply(JSON.stringify({ apiVersion, kind, metadata: { namespace, name }, spec }));

  const patchService = (patch: object): Promise<string> =>
    kubectl('-n', namespace, 'patch', 'service', 'mcp', '--type=merge', '-p', JSON.stringify(patch));

  /** Waits until the condition has the reason, and returns it. */
  async function untilResolvedRefs(reason: string): Promise<Condition | undefined> {
    const conditionOf = ({ status }: McpAuthPolicy) =>
      status?.conditions?.find(({ type }) => type === 'ResolvedRefs');
    const policy = await eventually(
      `ResolvedRefs ${reason}`,
      async () =>
        JSON.parse(await kubectl('-n', namespace, 'get', 'mcpap', 'front', '-o', 'json')) as McpAuthPolicy,
      (now) => conditionOf(now)?.reason === reason,
    );
    return conditionOf(policy);
  }

  const service = { selector: { app: 'mcp' }, ports: [{ port: 80 }] };

  it('waits for its Service', async () => {
    await apply('mcpauth.dev/v1alpha1', 'McpAuthPolicy', 'front', {
      ...{ issuer: 'https://idp.example.com', audience: 'front', mode: 'OIDC' },
      upstream: { service: { name: 'mcp', port: 80 } },
    });
    const { message } = (await untilResolvedRefs('RefNotFound')) ?? {};
    expect(message).toBe('spec.upstream.service.name: Service mcp was not found in this namespace.');
    await apply('v1', 'Service', 'mcp', service);
    expect(await untilResolvedRefs('Resolved')).toMatchObject({ status: 'True' });
  });

  it.each<[what: string, damage: object, mend: object, message: string]>([
    ['loses its selector', { selector: null }, { selector: service.selector }, 'has no selector'],
    [
      'becomes one of type ExternalName',
      { type: 'ExternalName', externalName: 'mcp.team-b.svc.cluster.local', clusterIP: '', clusterIPs: null },
      { type: 'ClusterIP', externalName: null },
      'is of type ExternalName',
    ],
    [
      'speaks something else',
      { ports: [{ port: 80, appProtocol: 'kubernetes.io/h2c' }] },
      { ports: service.ports },
      'appProtocol',
    ],
    ['loses its port', { ports: [{ port: 81 }] }, { ports: service.ports }, 'has no port 80'],
  ])('denies when the Service %s, until it is as before', async (_, damage, mend, message) => {
    await patchService({ spec: damage });
    expect((await untilResolvedRefs('InvalidRef'))?.message).toContain(message);
    await patchService({ spec: mend });
    await untilResolvedRefs('Resolved');
  });

  it('is among the samples, which the API server takes', async () => {
    const samples = join(root, 'manifests/samples');
    await kubectl('apply', '-f', join(samples, 'namespace.yaml'));
    await cluster.apply(issuerCaManifest((await createCertificateAuthority()).certificatePem));
    expect(await kubectl('apply', '-f', samples)).toContain('networkpolicy');
    const wait = ['--for=condition=ResolvedRefs', 'mcpap/upstream', '--timeout=30s'];
    await kubectl('-n', 'demo', 'wait', ...wait);
  });

  it('denies when the Service is deleted, and when it comes back headless', async () => {
    await kubectl('-n', namespace, 'delete', 'service', 'mcp');
    await untilResolvedRefs('RefNotFound');
    await apply('v1', 'Service', 'mcp', { ...service, clusterIP: 'None' });
    expect((await untilResolvedRefs('InvalidRef'))?.message).toContain('headless');
    await kubectl('-n', namespace, 'delete', 'service', 'mcp');
    await apply('v1', 'Service', 'mcp', service);
    await untilResolvedRefs('Resolved');
  });
});
