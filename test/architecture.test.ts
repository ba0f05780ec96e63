import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../operator');

/** Each room and the rooms that it may import. What is not listed may not be imported. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  json: [],
  time: [],
  telemetry: [],
  api: ['json'],
  policy: ['api', 'json'],
  keys: ['api', 'policy', 'json', 'time', 'telemetry'],
  verify: ['api', 'policy', 'keys', 'json', 'time'],
  identity: ['policy', 'verify', 'time'],
  http: ['api', 'policy', 'verify', 'identity', 'json', 'time', 'telemetry'],
  'self-test': ['api', 'policy', 'keys', 'verify', 'http', 'time'],
  controller: ['api', 'policy', 'keys', 'verify', 'json', 'time', 'telemetry'],
  standalone: ['api', 'policy', 'json', 'time', 'telemetry'],
  enforcement: ['api', 'policy', 'keys', 'verify', 'http', 'self-test', 'json', 'time'],
};

/** The only files that may import these packages. */
const keepers: Readonly<Record<string, readonly string[]>> = {
  '@kubernetes/client-node': ['controller/kube.ts'],
  // The last one reads certificates of ours and connects to nobody.
  'node:tls': ['keys/outbound.ts', 'keys/outbound-socket.ts', 'commands/tls-files.ts'],
};

interface SourceFile {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = globSync('**/*.ts', { cwd: root }).map((path) => {
  const text = readFileSync(join(root, path), 'utf8');
  const imports = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(([, name = '']) => name);
  return { path, room: path.includes('/') ? (path.split('/')[0] ?? '') : '', text, imports };
});

function roomOf(importer: string, specifier: string): string {
  const [room = '', ...rest] = join(importer, '..', specifier).split('/');
  return rest.length === 0 ? '' : room;
}

test('there is something to check', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(new Set(files.map(({ room }) => room))).toEqual(new Set([...Object.keys(arrows), 'commands', '']));
});

test.each(files.filter(({ room }) => room in arrows))(
  '$path imports downwards only',
  ({ path, room, imports }) => {
    const others = imports
      .filter((name) => name.startsWith('.'))
      .map((name) => roomOf(path, name))
      .filter((other) => other !== room && !arrows[room]?.includes(other));
    expect(others).toEqual([]);
  },
);

test('policy is pure: no module but the one for digests and certificates, no clock, no environment, no chance', () => {
  for (const { path, text, imports } of files.filter(({ room }) => room === 'policy')) {
    expect(
      imports.filter((name) => !name.startsWith('.') && name !== 'node:crypto'),
      path,
    ).toEqual([]);
    expect(
      /\bprocess\.|\bDate\.now|\bnew Date\(\)|\bMath\.random|\bconsole\.|\bfetch\(|\bsetTimeout\(/.test(text),
      path,
    ).toBe(false);
  }
});

test.each(Object.entries(keepers))('%s is imported by its keeper only', (name, allowed) => {
  const importers = files.filter(({ imports }) => imports.includes(name)).map(({ path }) => path);
  expect(importers.filter((path) => !allowed.includes(path))).toEqual([]);
});

test('only the entry reads the environment and the arguments', () => {
  const readers = files.filter(({ text }) => /process\.(env|argv)/.test(text)).map(({ path }) => path);
  expect(readers).toEqual(['main.ts']);
});

test('no file is long', () => {
  const long = files.filter(({ path, text }) => !path.endsWith('.gen.ts') && text.split('\n').length > 400);
  expect(long.map(({ path }) => path)).toEqual([]);
});

test('telemetry is imported for its types only, except where it is built', () => {
  const importers = files
    .filter(({ room }) => room !== 'commands' && room !== 'telemetry' && room !== '')
    .filter(({ text }) => /^import (?!type).*telemetry\//m.test(text))
    .map(({ path }) => path);
  expect(importers).toEqual([]);
});
