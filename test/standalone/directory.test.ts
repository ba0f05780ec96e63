import { appendFile, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../operator/time/clock.ts';
import { holdTurns, makeDirectory, observe, observeBy, policy, tell } from './observed-directory.ts';

describe('at the start', () => {
  test('what is there is delivered before the source is returned', async () => {
    const { directory, put } = await makeDirectory();
    await put('a.yaml', policy('one'));
    await put('b.yaml', `${policy('two')}a: 1\na: 2\n`);
    const { deliveries } = await observe(directory);
    expect(deliveries.map(tell)).toEqual([
      ['one#1', 'two#1', 'not valid YAML: the key "a" is given twice in one mapping (column 1)'],
    ]);
    expect(deliveries[0]?.locate('team-a/two', 'spec.issuer')).toEqual({
      file: join(directory, 'b.yaml'),
      line: 4,
    });
  });

  test('nothing is there', async () => {
    const { directory } = await makeDirectory();
    const { deliveries } = await observe(directory);
    expect(deliveries.map(tell)).toEqual([[]]);
  });

  test('a directory that does not exist is an error', async () => {
    const { directory } = await makeDirectory();
    await rm(directory, { recursive: true });
    await expect(observe(directory)).rejects.toMatchObject({
      name: 'ManifestPathError',
      code: 'NotFound',
      message: `${directory} does not exist`,
    });
  });

  test('an error of the receiver is an error of the start', async () => {
    const { directory } = await makeDirectory();
    const refuse = (): void => {
      throw new Error('not now');
    };
    await expect(observeBy(systemClock, directory, refuse)).rejects.toThrow('not now');
  });
});

describe('a change is delivered', () => {
  test('when a file is made, edited, appended to and deleted', async () => {
    const { directory, put } = await makeDirectory();
    const { until } = await observe(directory);
    await put('a.yaml', policy('one'));
    await until('one#1');
    await put('a.yaml', policy('one', 'https://other.example.com'));
    await until('one#2');
    await appendFile(join(directory, 'a.yaml'), policy('two'));
    await until('one#2', 'two#1');
    await unlink(join(directory, 'a.yaml'));
    await until();
  });

  test('when an editor writes another file and renames it', async () => {
    const { directory, put } = await makeDirectory();
    await put('a.yaml', policy('one'));
    const { until } = await observe(directory);
    for (const generation of [2, 3]) {
      await put('.a.yaml.tmp', policy('one', `https://${generation}.example.com`));
      await rename(join(directory, '.a.yaml.tmp'), join(directory, 'a.yaml'));
      await until(`one#${generation}`);
    }
  });

  test('when a mounted ConfigMap is updated, as the kubelet does it', async () => {
    const { directory, put } = await makeDirectory();
    const version = async (name: string, text: string): Promise<void> => {
      await mkdir(join(directory, name));
      await put(`${name}/x.yaml`, text);
    };
    await version('..2026_01', policy('one'));
    await symlink('..2026_01', join(directory, '..data'));
    await symlink('..data/x.yaml', join(directory, 'x.yaml'));
    const { deliveries, until } = await observe(directory);
    expect(deliveries.map(tell)).toEqual([['one#1']]);
    for (const [older, newer, generation] of [
      ['..2026_01', '..2026_02', 2],
      ['..2026_02', '..2026_03', 3],
    ] as const) {
      await version(newer, policy('one', `https://${generation}.example.com`));
      await symlink(newer, join(directory, '..data_tmp'));
      await rename(join(directory, '..data_tmp'), join(directory, '..data'));
      await rm(join(directory, older), { recursive: true });
      await until(`one#${generation}`);
    }
    expect(deliveries.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('when the file behind a link is edited', async () => {
    const { directory, root } = await makeDirectory();
    await mkdir(join(root, 'far'));
    await writeFile(join(root, 'far/elsewhere'), policy('one'));
    await symlink('../far/elsewhere', join(directory, 'a.yaml'));
    const { until } = await observe(directory);
    await writeFile(join(root, 'far/elsewhere'), policy('two'));
    await until('two#1');
  });

  test('when the directory is removed, made anew and changed again', async () => {
    const { directory, put } = await makeDirectory();
    await put('a.yaml', policy('one'));
    const { until } = await observe(directory);
    for (const generation of [2, 3]) {
      await rm(directory, { recursive: true });
      await until('does not exist: no policy is in force');
      await mkdir(directory);
      await until();
      await put('a.yaml', policy('one', `https://${generation}.example.com`));
      await until(`one#${generation}`);
    }
  });

  test('when the directory is a link and leads somewhere else', async () => {
    const { directory, root, put } = await makeDirectory();
    await rename(directory, join(root, 'release-1'));
    await mkdir(join(root, 'release-2'));
    await writeFile(join(root, 'release-1/a.yaml'), policy('one'));
    await writeFile(join(root, 'release-2/a.yaml'), policy('two'));
    await symlink('release-1', directory);
    const { until } = await observe(directory);
    await symlink('release-2', `${directory}.new`);
    await rename(`${directory}.new`, directory);
    await until('two#1');
    await put('b.yaml', policy('three'));
    await until('two#1', 'three#1');
  });

  test('by polling, when no event tells of it', async () => {
    const { directory, root } = await makeDirectory();
    const { clock, turn } = holdTurns();
    // A link to a link: what lies between is not watched.
    await mkdir(join(root, 'between'));
    await mkdir(join(root, 'far'));
    await writeFile(join(root, 'far/1'), policy('one'));
    await writeFile(join(root, 'far/2'), policy('two'));
    await symlink('../far/1', join(root, 'between/a'));
    await symlink('../between/a', join(directory, 'a.yaml'));
    const { until } = await observeBy(clock, directory);
    await symlink('../far/2', join(root, 'between/b'));
    await rename(join(root, 'between/b'), join(root, 'between/a'));
    await turn();
    await until('two#1');
  });
});
