import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { policy } from './sample-manifests.ts';

test('a process with too many open files keeps its policies: that it cannot read does not mean there are none', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'starved-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'a.yaml'), policy('one'));
  await writeFile(join(directory, '.later'), policy('two'));
  const script = join(import.meta.dirname, 'starved-process.ts');
  const limited = 'ulimit -n 64 && exec "$0" "$@"';
  const { stdout } = await promisify(execFile)('sh', ['-c', limited, process.execPath, script, directory]);
  expect(JSON.parse(stdout)).toEqual([['one'], ['one', 'two']]);
});
