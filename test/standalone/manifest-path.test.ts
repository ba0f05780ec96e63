import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readDirectory, readPath } from '../../operator/standalone/manifest-path.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'manifests-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const policy = `apiVersion: mcpauth.dev/v1alpha1
kind: McpAuthPolicy
metadata: { name: one }
`;

function put(name: string, content: string | Uint8Array = policy): Promise<void> {
  return writeFile(join(directory, name), content);
}

function noStdin(): Promise<string> {
  return Promise.reject(new Error('standard input was not asked for'));
}

describe('a directory', () => {
  test('gives the files that are named like manifests, by name, and does not descend', async () => {
    await mkdir(join(directory, 'folder'));
    await mkdir(join(directory, 'folder.yaml'));
    await put('folder/x.yaml');
    for (const name of ['b.yml', 'a.yaml', 'c.json', 'README.md', 'a.yaml~', '.a.yaml.swp', '.hidden.yaml']) {
      await put(name, name);
    }
    const { files, problems } = await readDirectory(directory);
    expect(files).toEqual(
      ['a.yaml', 'b.yml', 'c.json'].map((name) => ({ path: join(directory, name), text: name })),
    );
    expect(problems).toEqual([]);
  });

  test('follows links, and tells where they lead', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'));
    try {
      await writeFile(join(elsewhere, 'one'), policy);
      await symlink(join(elsewhere, 'one'), join(directory, 'a.yaml'));
      const { files, linkedDirectories } = await readDirectory(directory);
      expect(files).toEqual([{ path: join(directory, 'a.yaml'), text: policy }]);
      expect(linkedDirectories).toEqual([elsewhere]);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  test('reports a link that leads nowhere, and a pipe, without waiting for it', async () => {
    await symlink('nowhere', join(directory, 'a.yaml'));
    execFileSync('mkfifo', [join(directory, 'b.yaml')]);
    const { files, problems } = await readDirectory(directory);
    expect(files).toEqual([]);
    expect(problems).toEqual([
      { file: join(directory, 'a.yaml'), line: 1, message: 'is a link to a file that does not exist' },
      { file: join(directory, 'b.yaml'), line: 1, message: 'is not a regular file' },
    ]);
  });

  test('reports a link that leads to itself', async () => {
    await symlink('a.yaml', join(directory, 'a.yaml'));
    const { problems } = await readDirectory(directory);
    expect(problems).toEqual([
      { file: join(directory, 'a.yaml'), line: 1, message: expect.stringMatching(/^cannot be read: ELOOP/) },
    ]);
  });

  test('reads files of up to 1 MiB, and reports larger ones', async () => {
    await put('a.yaml');
    await truncate(join(directory, 'a.yaml'), 1_048_576);
    await put('b.yaml');
    await truncate(join(directory, 'b.yaml'), 1_048_577);
    const { files, problems } = await readDirectory(directory);
    expect(files.map(({ path }) => path)).toEqual([join(directory, 'a.yaml')]);
    expect(problems).toEqual([
      {
        file: join(directory, 'b.yaml'),
        line: 1,
        message: 'has 1048577 bytes: a file may have 1048576; split it',
      },
    ]);
  });

  test('reports files that are not UTF-8', async () => {
    await put('a.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe4));
    const { files, problems } = await readDirectory(directory);
    expect(files).toEqual([]);
    expect(problems).toEqual([
      { file: join(directory, 'a.yaml'), line: 1, message: 'is not UTF-8 text: save it in that encoding' },
    ]);
  });

  test('reads ten thousand files, and reports that there are more', async () => {
    for (let i = 0; i < 10_001; i += 1) writeFileSync(join(directory, `${i}.yaml`.padStart(10, '0')), '');
    const { files, problems } = await readDirectory(directory);
    expect(files).toHaveLength(10_000);
    expect(files.at(-1)?.path).toBe(join(directory, '09999.yaml'));
    expect(problems).toEqual([
      {
        file: directory,
        line: 1,
        message:
          'holds 10001 manifests: only the first 10000 by name are read; put several policies into one file',
      },
    ]);
  });

  test('must exist and be one', async () => {
    await put('a.yaml');
    const [missing, file] = [join(directory, 'missing'), join(directory, 'a.yaml')];
    await expect(readDirectory(missing)).rejects.toMatchObject({
      name: 'ManifestPathError',
      code: 'NotFound',
      message: `${missing} does not exist`,
    });
    await expect(readDirectory(file)).rejects.toMatchObject({
      name: 'ManifestPathError',
      code: 'NotADirectory',
      message: `${file} is not a directory`,
    });
  });
});

describe('a path on the command line', () => {
  const found = [expect.objectContaining({ object: expect.objectContaining({ kind: 'McpAuthPolicy' }) })];

  test('is a file, whatever its name', async () => {
    await put('policy');
    const { policies, locate } = await readPath(join(directory, 'policy'), noStdin);
    expect(policies).toEqual(found);
    expect(locate('default/one', 'metadata.name')).toEqual({ file: join(directory, 'policy'), line: 3 });
  });

  test('is a directory, with the problems of its files', async () => {
    await put('a.yaml');
    await put('b.yaml', 'a: 1\na: 2\n');
    await symlink('nowhere', join(directory, 'c.yaml'));
    const { policies, problems } = await readPath(directory, noStdin);
    expect(policies).toEqual(found);
    expect(problems.map(({ file, line }) => [file, line])).toEqual([
      [join(directory, 'c.yaml'), 1],
      [join(directory, 'b.yaml'), 2],
    ]);
  });

  test('is standard input', async () => {
    const { policies, locate } = await readPath('-', () => Promise.resolve(`\n${policy}`));
    expect(policies).toEqual(found);
    expect(locate('default/one', '')).toEqual({ file: 'stdin', line: 2 });
  });

  test('must exist', async () => {
    await expect(readPath(join(directory, 'missing.yaml'), noStdin)).rejects.toMatchObject({
      code: 'NotFound',
      message: `${join(directory, 'missing.yaml')} does not exist`,
    });
  });
});
