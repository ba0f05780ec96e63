import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issuerCaManifest, startDevelopmentIssuer } from '../demo/development-issuer.ts';
import { tellStory } from '../demo/show.ts';
import { onStage } from '../demo/stage.ts';
import { provideAssets } from './assets.ts';
import { startControlPlane } from './control-plane.ts';

const root = join(import.meta.dirname, '../..');

/** `make dev-cluster`: a real API server with CRD and samples, and the operator running against it. */
await onStage(async (stage) => {
  const assets = await provideAssets((line) => process.stderr.write(`${line}\n`));
  const provider = await stage.use(startDevelopmentIssuer, ({ stop }) => stop());
  const folder = await stage.use(
    () => mkdtempSync(join(tmpdir(), 'mcp-auth-dev-')),
    (path) => rmSync(path, { recursive: true, force: true }),
  );
  const cluster = await stage.use(
    () => startControlPlane(),
    (running) => running.stop(),
  );
  async function kubectl(...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args[0]} failed: ${stderr}`);
    process.stdout.write(stdout);
  }
  await kubectl('apply', '-f', join(root, 'crds'), '-f', join(root, 'manifests/rbac.yaml'));
  await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
  await kubectl('apply', '-f', join(root, 'manifests/samples/namespace.yaml'));
  await cluster.apply(issuerCaManifest(provider.caPem));
  await kubectl('apply', '-f', join(root, 'manifests/samples'));
  await stage.startOperator([
    'run',
    ...['--kubeconfig', cluster.kubeconfigPath, '--pod-namespace', 'mcp-auth-operator'],
    ...['--config', join(root, 'test/demo/operator-configuration.yaml')],
    ...['--listen', '127.0.0.1:8080', '--admin-listen', '127.0.0.1:9090', '--log-format', 'text'],
  ]);
  await tellStory(provider, folder, stage.over);
  process.stdout.write(`
The cluster
   export KUBECONFIG=${cluster.kubeconfigPath}
   alias kubectl=${assets.kubectl}
   kubectl -n demo get mcpauthpolicies
   kubectl -n demo wait --for=condition=Ready mcpap/whoami
   kubectl -n demo edit mcpap whoami
   kubectl -n demo create serviceaccount caller
   kubectl -n demo create token caller --audience http://127.0.0.1:8080/demo/token-review/mcp

Running until Ctrl-C.
`);
});
