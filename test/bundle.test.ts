import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERSION } from '../operator/version.ts';
import metadata from '../package.json' with { type: 'json' };
import { startOperatorProcess } from './e2e/operator-process.ts';

const root = join(import.meta.dirname, '..');
const containerfile = readFileSync(join(root, 'Containerfile'), 'utf8');
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
const revision = '0123456789ab';

/** What the Containerfile copies from this folder, as `COPY a b ./` or `COPY a/ a/`. */
const copied = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
  .flatMap(([, sources = '']) => sources.split(' '))
  .map((source) => source.replace(/\/$/, ''));

const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-bundle-'));
const bundle = join(folder, 'image/mcp-auth-operator.mjs');

/** As the Containerfile does it, from nothing but what it copies; only the packages are those that are installed here. */
beforeAll(() => {
  const build = join(folder, 'build');
  for (const source of copied) cpSync(join(root, source), join(build, source), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(build, 'node_modules'));
  execFileSync('npm', ['run', '-s', 'build'], { cwd: build, env: { ...process.env, REVISION: revision } });
  mkdirSync(join(folder, 'image'));
  cpSync(join(build, 'dist/mcp-auth-operator.mjs'), bundle);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** In a folder without node_modules. */
function run(...args: readonly string[]): string {
  const cwd = join(folder, 'image');
  return execFileSync(process.execPath, [bundle, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' });
}

test('the bundle runs by itself and knows its version', () => {
  expect(VERSION).toBe(metadata.version);
  expect(run('version')).toContain(`mcp-auth-operator ${VERSION} (${revision})`);
  expect(run('help')).toContain('--policies DIR');
  expect(run('compile', '-f', join(root, 'manifests/samples'))).toContain('snapshot:');
});

test('the bundle serves', async () => {
  const policies = join(folder, 'policies');
  cpSync(join(root, 'manifests/samples'), policies, { recursive: true });
  const operator = await startOperatorProcess('serve', ['--policies', policies], { program: bundle });
  const answer = await fetch(`${operator.publicURL}/demo/offline/mcp`, { method: 'POST' });
  expect(answer.status).toBe(401);
  expect(await operator.stop()).toBe(0);
});

test('the client of the cluster is in the bundle', () => {
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, '{}');
  const { status, stderr } = spawnSync(process.execPath, [bundle, 'run', '--kubeconfig', kubeconfig], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('no cluster') });
});

test('nothing that is only for development is in it', () => {
  const text = readFileSync(bundle, 'utf8');
  for (const name of ['oidc-provider', 'code-block-writer', 'vitest', '@peculiar/x509'])
    expect(text).not.toContain(name);
});

test('the build of the image gets what it copies, and nothing else', () => {
  const letThrough = ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  expect(ignored).toContain('*');
  expect(new Set(letThrough)).toEqual(new Set(copied));
  expect(copied).not.toEqual([]);
});

test('the image has the Node.js that this is written for, and is not root', () => {
  const images = [...containerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  const [, major] = /^>=(\d+)$/.exec(metadata.engines.node) ?? [];
  expect(new Set(images)).toEqual(new Set([`docker.io/library/node:${major}-slim`]));
  expect(containerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
});
