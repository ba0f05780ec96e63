import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createDirectoryWatchers,
  type DirectoryWatchers,
} from '../../operator/standalone/directory-watchers.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { makeDirectory } from './observed-directory.ts';

interface Watched extends DirectoryWatchers {
  /** As `directory name`. */
  readonly events: Set<string>;
}

function createWatched(): Watched {
  const events = new Set<string>();
  const watchers = createDirectoryWatchers(recordLog(), (directory, name) =>
    events.add(`${directory} ${name}`),
  );
  onTestFinished(watchers.close);
  return { ...watchers, events };
}

function waitForEvent({ events }: Watched, directory: string, name: string): Promise<void> {
  return vi.waitFor(() => expect([...events]).toContain(`${directory} ${name}`), { timeout: 9_000 });
}

test('tells the directory and what changed in it', async () => {
  const { directory, root, put } = await makeDirectory();
  const watched = createWatched();
  await watched.update([directory, root]);
  await put('a.yaml', '');
  await writeFile(join(root, 'b'), '');
  await waitForEvent(watched, directory, 'a.yaml');
  await waitForEvent(watched, root, 'b');
});

test('tells whether a watch has begun', async () => {
  const { directory, root } = await makeDirectory();
  const { update } = createWatched();
  expect(await update([directory])).toBe(true);
  expect(await update([directory])).toBe(false);
  expect(await update([directory, join(root, 'missing')])).toBe(false);
  expect(await update([directory, root])).toBe(true);
  await rm(directory, { recursive: true });
  expect(await update([directory, root])).toBe(false);
  await mkdir(directory);
  expect(await update([directory, root])).toBe(true);
});

test('watches a directory that was made anew between two updates', async () => {
  const { directory, put } = await makeDirectory();
  const watched = createWatched();
  await watched.update([directory]);
  await rm(directory, { recursive: true });
  await mkdir(directory);
  await watched.update([directory]);
  await put('a.yaml', '');
  await waitForEvent(watched, directory, 'a.yaml');
});

test('is silent about directories that are no longer asked for, and once it is closed', async () => {
  const { directory, put } = await makeDirectory();
  const [turned, closed, watched] = [createWatched(), createWatched(), createWatched()];
  for (const { update } of [turned, closed, watched]) await update([directory]);
  await turned.update([]);
  closed.close();
  expect(await closed.update([directory])).toBe(false);
  await put('a.yaml', '');
  await waitForEvent(watched, directory, 'a.yaml');
  expect([...turned.events, ...closed.events]).toEqual([]);
});
