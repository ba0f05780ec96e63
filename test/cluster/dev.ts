import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issuerCaManifest, startDevelopmentIssuer } from '../demo/development-issuer.ts';
import { startOperatorProcess, untilEnded } from '../demo/operator-process.ts';
import { tellStory } from '../demo/show.ts';
import { provideAssets } from './assets.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

/** `make dev-cluster`: a real API server with CRD and samples, and the operator running against it. */
const root = join(import.meta.dirname, '../..');

async function apply(cluster: ControlPlane, ...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await cluster.kubectl(['apply', ...args]);
  if (code !== 0) throw new Error(`kubectl apply failed: ${stderr}`);
  process.stdout.write(stdout);
}

await provideAssets((line) => process.stderr.write(`${line}\n`));
const provider = await startDevelopmentIssuer();
const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-dev-'));
const cluster = await startControlPlane();
await apply(cluster, '-f', join(root, 'crds'));
await cluster.kubectl([
  'wait',
  '--for=condition=Established',
  'crd/mcpauthpolicies.mcpauth.dev',
  '--timeout=30s',
]);
await apply(cluster, '-f', join(root, 'manifests/samples/namespace.yaml'));
await cluster.apply(issuerCaManifest(provider.caPem));
await apply(cluster, '-f', join(root, 'manifests/samples'));

const operator = startOperatorProcess([
  'run',
  ...['--kubeconfig', cluster.kubeconfigPath],
  ...['--config', join(root, 'test/demo/operator-configuration.yaml')],
  ...['--listen', '127.0.0.1:8080', '--admin-listen', '127.0.0.1:9090', '--log-format', 'text'],
]);
const ended = untilEnded(operator, async () => {
  await Promise.all([provider.stop(), cluster.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
await tellStory(provider, folder, ended);
process.stdout.write(`
The cluster
   export KUBECONFIG=${cluster.kubeconfigPath}
   kubectl -n demo get mcpauthpolicies
   kubectl -n demo wait --for=condition=Ready mcpap/whoami
   kubectl -n demo edit mcpap whoami

Running until Ctrl-C.
`);
await ended;
