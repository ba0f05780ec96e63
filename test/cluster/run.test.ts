import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { type Deployment, namespace } from '../e2e/deployment.ts';
import { startOperatorProcess } from '../e2e/operator-process.ts';
import { describeScenario } from '../e2e/scenario.ts';
import { startControlPlane } from './control-plane.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';

const crds = join(import.meta.dirname, '../../crds');
/** The rights that the operator runs under. */
const rights = join(import.meta.dirname, '../../manifests/rbac.yaml');
const self = 'mcp-auth-operator';

async function startRun(configuration: string): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-run-'));
  const configFile = join(folder, 'configuration.yaml');
  writeFileSync(configFile, configuration);
  const cluster = await startControlPlane();
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  await kubectl('apply', '-f', crds, '-f', rights);
  await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
  await kubectl('create', 'namespace', namespace);
  const kubeconfig = join(folder, 'kubeconfig');
  const token = (await kubectl('-n', self, 'create', 'token', self)).trim();
  writeFileSync(kubeconfig, kubeconfigFor(cluster, { token }), { mode: 0o600 });
  const place = ['--pod-namespace', self, '--pod-name', 'only'];
  const args = ['--kubeconfig', kubeconfig, '--config', configFile, ...place];
  const operator = await startOperatorProcess('run', args);
  return {
    publicURL: operator.publicURL,
    applyConfigMap: (name, data) =>
      cluster.apply(
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }),
      ),
    async apply({ name, spec }) {
      const metadata = { name, namespace };
      await cluster.apply(
        JSON.stringify({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec }),
      );
    },
    async remove(name) {
      await kubectl('-n', namespace, 'delete', 'mcpauthpolicy', name);
    },
    async see(name) {
      const text = await kubectl('-n', namespace, 'get', 'mcpap', name, '--ignore-not-found', '-o', 'json');
      if (text === '') return undefined;
      const { metadata, status } = JSON.parse(text) as McpAuthPolicy;
      return { generation: metadata.generation ?? 0, status };
    },
    log: operator.log,
    async stop() {
      const code = await operator.stop();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

describeWithCluster('run: policies from a cluster', () => describeScenario(startRun));
