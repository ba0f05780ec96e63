import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './programs.ts';

const pollMs = 1000;
const maxPolls = 30 * 60;

/**
 * Runs `work` while this process alone holds the lock file; a lock whose process is gone is taken over.
 *
 * The lock saves work, it does not protect data: two that both take over one dead lock each do the work, and
 * the atomic rename at the end of it decides.
 *
 * @throws what `work` throws, or when another process held the lock for half an hour
 */
export async function withLock<T>(path: string, log: Log, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, String(process.pid));
  try {
    await acquire(path, mine, log);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function acquire(path: string, mine: string, log: Log): Promise<void> {
  for (let poll = 0; poll < maxPolls; poll += 1) {
    // A link appears with its content: no one can read a lock that does not yet say whose it is.
    if (await createdLink(mine, path)) {
      return;
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (holder === 0) {
      continue;
    }
    if (!isRunning(holder)) {
      await rm(path, { force: true });
      await rm(`${path}.${holder}`, { force: true });
      continue;
    }
    if (poll === 0) {
      log(`waiting for process ${holder}, which is providing the same`);
    }
    await delay(pollMs);
  }
  throw new Error(
    `another process has held ${path} for too long; remove the file if that process is not at work`,
  );
}

async function createdLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** Tells whether a process with this id exists, ours or another user's. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
