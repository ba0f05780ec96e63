import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isRunning } from './lock.ts';
import { missingPrograms } from './programs.ts';

const unfinishedPrefix = '.unfinished-';

/**
 * Fills a directory in one step: `fill` works in a temporary one beside it, which is renamed when complete.
 *
 * @param target the directory to appear; its parent is created
 * @throws what `fill` throws, or when it left a program out; `target` is then untouched
 */
export async function installInto(
  target: string,
  fill: (unfinished: string) => Promise<void>,
): Promise<string> {
  const parent = join(target, '..');
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const unfinished = await mkdtemp(join(parent, `${unfinishedPrefix}${process.pid}-`));
  try {
    await fill(unfinished);
    const missing = await missingPrograms(unfinished);
    if (missing.length > 0) {
      throw new Error(`no ${missing.join(', ')} was produced for ${basename(target)}`);
    }
    await replace(unfinished, target);
    return target;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function replace(unfinished: string, target: string): Promise<void> {
  try {
    await rename(unfinished, target);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw error;
    }
    // Another builder was first, and its result is as good; only one that lost a program is replaced.
    if ((await missingPrograms(target)).length > 0) {
      await rm(target, { recursive: true, force: true });
      await rename(unfinished, target);
    }
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(unfinishedPrefix)
      ? Number(name.slice(unfinishedPrefix.length).split('-')[0])
      : 0;
    if (pid > 0 && !isRunning(pid)) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}
