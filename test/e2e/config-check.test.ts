import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const head = 'apiVersion: mcpauth.dev/v1alpha1\nkind: OperatorConfiguration\n';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-auth-check-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function check(args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, 'operator/main.ts'), 'config', 'check', ...args]);
  // A program that does not read it may have ended already.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

function write(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

test('the sample is good', async () => {
  const file = join(root, 'manifests/operator-configuration.yaml');
  expect(await check(['-f', file])).toEqual({ code: 0, stdout: `${file}: ok\n`, stderr: '' });
});

test('a bad file: one line for each problem, code 2, nothing on standard output', async () => {
  const file = write('bad.yaml', `${head}publicUrl: https://x\nlimits: { maxTokenBytes: 1 }\n`);
  const { code, stdout, stderr } = await check(['-f', file]);
  expect([code, stdout]).toEqual([2, '']);
  const lines = stderr.trimEnd().split('\n');
  expect(lines.map((line) => line.slice(0, file.length + 2))).toEqual([`${file}: `, `${file}: `]);
  expect(lines.map((line) => line.slice(file.length + 2).split(': ')[0]).sort()).toEqual([
    'limits.maxTokenBytes',
    'publicUrl',
  ]);
});

test.each([
  ['no YAML', 'issuers: [', '(file): '],
  ['a key twice', `${head}issuers: []\nissuers: []\n`, '(file): Map keys must be unique at line 4'],
  ['two documents', `${head}---\n${head}`, '(file): '],
  ['empty', '', '(file): must be a YAML document of kind OperatorConfiguration'],
])('a file that is %s: a line that says so, code 2', async (_, content, problem) => {
  const { code, stdout, stderr } = await check(['-f', '-'], content);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`-: ${problem}`);
  for (const line of stderr.trimEnd().split('\n')) expect(line).toMatch(/^-: \(file\): \S/);
});

test('a file that is not there: code 2', async () => {
  const file = join(folder, 'missing.yaml');
  expect(await check(['-f', file])).toEqual({
    code: 2,
    stdout: '',
    stderr: `${file}: (file): cannot be read (ENOENT)\n`,
  });
});

test('what is surely not meant is a warning, and the file is good', async () => {
  const allow = 'outbound: { allow: [{ namespaces: ["*"], hosts: ["*"], cidrs: ["0.0.0.0/0"] }] }\n';
  const { code, stdout, stderr } = await check(['-f', '-'], head + allow);
  expect([code, stdout]).toEqual([0, '-: ok\n']);
  expect(stderr).toMatch(/^-: publicURL: warning: .*\n-: outbound\.allow\[0\]\.cidrs: warning: .*\n$/);
});

test('--public-url is judged with the file, and wins', async () => {
  const file = write('url.yaml', `${head}publicURL: http://bad.example.com\n`);
  expect(await check(['-f', file, '--public-url', 'https://mcp.example.com'])).toMatchObject({
    code: 0,
    stderr: '',
  });
  const { code, stderr } = await check(['-f', file, '--public-url', 'http://bad.example.com']);
  expect(code).toBe(2);
  expect(stderr).toContain(`${file}: --public-url: must be`);
});
