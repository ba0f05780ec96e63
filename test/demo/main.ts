import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issuerCaManifest, startDevelopmentIssuer } from './development-issuer.ts';
import { tellStory } from './show.ts';
import { onStage } from './stage.ts';

const samples = join(import.meta.dirname, '../../manifests/samples');
const configuration = join(import.meta.dirname, 'operator-configuration.yaml');

/** `make run`: the operator on the samples, a real OpenID Provider beside it, no cluster. */
await onStage(async (stage) => {
  const provider = await stage.use(startDevelopmentIssuer, ({ stop }) => stop());
  const folder = await stage.use(
    () => mkdtempSync(join(tmpdir(), 'mcp-auth-demo-')),
    (path) => rmSync(path, { recursive: true, force: true }),
  );
  cpSync(samples, folder, { recursive: true });
  writeFileSync(join(folder, 'issuer-ca.json'), issuerCaManifest(provider.caPem));
  await stage.startOperator(['serve', '--policies', folder, '--config', configuration]);
  await tellStory(provider, folder, stage.over);
  process.stdout.write(
    `\nServing. Edit the manifests in ${folder} and see the statuses change; Ctrl-C ends it.\n`,
  );
});
