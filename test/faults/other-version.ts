import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../operator/version.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Bundles the operator as it is, only that it says of itself that it is another version.
 *
 * @returns the file to run
 */
export function bundleAs(version: string, folder: string): string {
  const build = join(folder, version);
  mkdirSync(build);
  for (const name of ['operator', 'tools', 'package.json'])
    cpSync(join(root, name), join(build, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(build, 'node_modules'));
  const file = join(build, 'operator/version.ts');
  const source = readFileSync(file, 'utf8');
  const changed = source.replace(`'${VERSION}'`, `'${version}'`);
  if (changed === source) throw new Error(`${file} does not say ${VERSION}`);
  writeFileSync(file, changed);
  const bundle = join(build, 'mcp-auth-operator.mjs');
  execFileSync(process.execPath, ['tools/bundle.ts', bundle], { cwd: build });
  return bundle;
}
