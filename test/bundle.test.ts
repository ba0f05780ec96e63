import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERSION } from '../operator/version.ts';
import metadata from '../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-bundle-'));
const bundle = join(folder, 'mcp-auth-operator.mjs');

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'tools/bundle.ts'), bundle], { cwd: root });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In a folder without node_modules. */
function run(...args: readonly string[]): string {
  return execFileSync(process.execPath, [bundle, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

test('the bundle runs by itself and knows its version', () => {
  expect(VERSION).toBe(metadata.version);
  expect(run('version')).toContain(`mcp-auth-operator ${VERSION} (`);
  expect(run('compile', '-f', join(root, 'manifests/samples'))).toContain('snapshot:');
});

test('nothing that is only for development is in it', () => {
  const text = readFileSync(bundle, 'utf8');
  for (const name of ['oidc-provider', 'code-block-writer', 'vitest', '@peculiar/x509'])
    expect(text).not.toContain(name);
});
