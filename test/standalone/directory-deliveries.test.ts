import { mkdir, readdir, readFile, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Manifests } from '../../operator/standalone/manifests.ts';
import { type Clock, systemClock } from '../../operator/time/clock.ts';
import { holdTurns, makeDirectory, observe, observeBy, policy, tell } from './observed-directory.ts';

describe('what is delivered', () => {
  test('is nothing when the files say the same', async () => {
    const { directory, put } = await makeDirectory();
    await put('a.yaml', policy('one'));
    await symlink('nowhere', join(directory, 'b.yaml'));
    const { clock, turn } = holdTurns();
    const { deliveries } = await observeBy(clock, directory);
    await turn();
    await put('a.yaml', policy('one'));
    await put('notes.txt', 'x');
    await put('.b.yaml', policy('two'));
    await mkdir(join(directory, 'folder'));
    await put('folder/c.yaml', policy('three'));
    await turn();
    expect(deliveries.map(tell)).toEqual([['one#1', 'is a link to a file that does not exist']]);
    await unlink(join(directory, 'b.yaml'));
    await turn();
    expect(deliveries.map(tell).slice(1)).toEqual([['one#1']]);
  });

  test('is unchanged for policies of other files', async () => {
    const { directory, put } = await makeDirectory();
    await put('a.yaml', policy('one'));
    const { deliveries, until } = await observe(directory);
    await put('b.yaml', policy('two'));
    await until('one#1', 'two#1');
    const [first, last] = [deliveries[0], deliveries.at(-1)].map((one) => one?.policies[0]?.object.spec);
    expect(last).toBe(first);
  });

  test('counts a generation for a new spec only, also when the policy was away', async () => {
    const { directory, put } = await makeDirectory();
    await put('a.yaml', policy('one'));
    const { until } = await observe(directory);
    await put('a.yaml', `${policy('one').replace('audience', 'x: 1, audience')}kind: Namespace\n`);
    await until('one#2');
    await put('a.yaml', policy('one').replace('metadata: {', 'metadata: { labels: { a: b },'));
    await until('one#3');
    await put('a.yaml', policy('two'));
    await until('two#1');
    await put('a.yaml', policy('one'));
    await until('one#3');
    const swapped = policy('one').replace('mode: OIDC', '').replace('{ issuer', '{ mode: OIDC, issuer');
    await put('a.yaml', swapped + policy('three'));
    await until('one#3', 'three#1');
    await unlink(join(directory, 'a.yaml'));
    await until();
    await put('a.yaml', policy('one', 'https://other.example.com'));
    await until('one#4');
  });

  test('comes again when it could not be taken over', async () => {
    const { directory, put } = await makeDirectory();
    let refusals = 0;
    const refuseTwice = ({ policies }: Manifests): void => {
      if (policies.length === 0 || refusals === 2) return;
      refusals += 1;
      throw new Error('not now');
    };
    const hurried: Clock = {
      ...systemClock,
      after: (ms, task) => systemClock.after(Math.min(ms, 200), task),
    };
    const { until } = await observeBy(hurried, directory, refuseTwice);
    await put('a.yaml', policy('one'));
    await until('one#1');
    expect(refusals).toBe(2);
  });

  test('is nothing any more once the source is closed', async () => {
    const { directory, put } = await makeDirectory();
    const closed = await observe(directory);
    const open = await observe(directory);
    closed.close();
    await put('a.yaml', policy('one'));
    await open.until('one#1');
    expect(closed.deliveries.map(tell)).toEqual([[]]);
  });

  test('is not what is being read while the source is closed', async () => {
    const { directory, put } = await makeDirectory();
    const { clock, start } = holdTurns();
    const { deliveries, close } = await observeBy(clock, directory);
    await put('a.yaml', policy('one'));
    start();
    close();
    // Reads the same files, later.
    await observe(directory);
    expect(deliveries.map(tell)).toEqual([[]]);
  });
});

describe('what is left to do', () => {
  test('is to read again soon when a watch has begun, for what happened before it was not seen', async () => {
    const { directory, root } = await makeDirectory();
    const { clock, turn, untilDue } = holdTurns();
    await observeBy(clock, directory);
    expect(await turn()).toBe(10_000);
    await mkdir(join(root, 'far'));
    await writeFile(join(root, 'far/a'), policy('one'));
    await symlink('../far/a', join(directory, 'a.yaml'));
    await untilDue();
    expect(await turn()).toBe(100);
    expect(await turn()).toBe(10_000);
  });

  test('is nothing once the source is closed', async () => {
    const { directory } = await makeDirectory();
    const { clock, turn, waiting } = holdTurns();
    const watchesBefore = await countWatches();
    const { close } = await observeBy(clock, directory);
    await turn();
    expect(waiting()).toBe(1);
    close();
    expect(waiting()).toBe(0);
    expect(await countWatches()).toBe(watchesBefore);
  });
});

/** The inotify watches of this process; none where the system has no such thing. */
async function countWatches(): Promise<number> {
  const folder = '/proc/self/fdinfo';
  const names = await readdir(folder).catch(() => []);
  const infos = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  return infos.join('').match(/^inotify wd/gm)?.length ?? 0;
}
