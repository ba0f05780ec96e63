import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../operator/version.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Bundles the operator as it is, only that it says of itself that it is another version, and makes other digests of the same:
 * as after any change of what a policy is compiled to.
 *
 * @returns the file to run
 */
export function bundleAs(version: string, folder: string): string {
  const build = join(folder, version);
  mkdirSync(build);
  for (const name of ['operator', 'tools', 'package.json'])
    cpSync(join(root, name), join(build, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(build, 'node_modules'));
  change(join(build, 'operator/version.ts'), `'${VERSION}'`, `'${version}'`);
  const hash = "createHash('sha256')";
  change(join(build, 'operator/policy/digest.ts'), hash, `${hash}.update('${version}')`);
  const bundle = join(build, 'mcp-auth-operator.mjs');
  execFileSync(process.execPath, ['tools/bundle.ts', bundle], { cwd: build });
  return bundle;
}

function change(file: string, from: string, to: string): void {
  const source = readFileSync(file, 'utf8');
  if (!source.includes(from)) throw new Error(`${file} does not say ${from}`);
  writeFileSync(file, source.replace(from, to));
}
