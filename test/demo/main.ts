import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issuerCaManifest, startDevelopmentIssuer } from './development-issuer.ts';
import { startOperatorProcess, untilEnded } from './operator-process.ts';
import { tellStory } from './show.ts';

/** `make run`: the operator on the samples, a real OpenID Provider beside it, no cluster. */
const provider = await startDevelopmentIssuer();
const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-demo-'));
cpSync(join(import.meta.dirname, '../../manifests/samples'), folder, { recursive: true });
writeFileSync(join(folder, 'issuer-ca.json'), issuerCaManifest(provider.caPem));

const configuration = join(import.meta.dirname, 'operator-configuration.yaml');
const operator = startOperatorProcess(['serve', '--policies', folder, '--config', configuration]);
const ended = untilEnded(operator, async () => {
  await provider.stop();
  rmSync(folder, { recursive: true, force: true });
});
try {
  await tellStory(provider, folder, ended);
  process.stdout.write(
    `\nServing. Edit the manifests in ${folder} and see the statuses change; Ctrl-C ends it.\n`,
  );
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  operator.kill('SIGTERM');
}
await ended;
