import { basename, dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { createDirectoryWatchers } from './directory-watchers.ts';
import { createGenerations } from './generations.ts';
import { type Entry, type ManifestProblem, readManifestFile } from './manifest-file.ts';
import { type DirectoryContents, ManifestPathError, readDirectory } from './manifest-path.ts';
import { type Manifests, mergeManifests } from './manifests.ts';
import { createReadSchedule } from './read-schedule.ts';

export interface DirectoryOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Gets all that the directory says: first when it is opened, then whenever that differs. */
  readonly onChange: (manifests: Manifests) => void;
}

export interface DirectorySource {
  /** Ends the watch; `onChange` is not called again. */
  close(): void;
}

/**
 * Keeps `onChange` informed of the manifests in a directory, with `metadata.generation` counted up as a policy's spec
 * changes. The first call is made before this returns. A directory that vanishes later is one without policies, and a
 * problem that says so; when it is back it counts again.
 *
 * @throws ManifestPathError when at the start the directory does not exist, is none, or cannot be listed
 */
export async function watchDirectory(options: DirectoryOptions): Promise<DirectorySource> {
  const { directory, clock, log, onChange } = options;
  const path = resolve(directory);
  const parent = dirname(path);
  const setGenerations = createGenerations();
  const schedule = createReadSchedule(clock, reread);
  const watchers = createDirectoryWatchers(log, (where, name) => {
    // The parent tells when the directory itself is removed, made or replaced; its other entries are not ours.
    if (where !== parent || name === null || name === basename(path)) schedule.readSoon();
  });
  let last: Reading | undefined;
  let isClosed = false;

  async function reread(): Promise<void> {
    try {
      await takeOver(await readDirectory(directory).catch((error) => describeMissing(directory, error)));
    } catch (error) {
      log.error('cannot take over the manifests', { directory, reason: String(error) });
    }
  }

  async function takeOver(contents: DirectoryContents): Promise<void> {
    if (await watchers.update([parent, path, ...contents.linkedDirectories])) schedule.readSoon();
    const reading = parseContents(contents, last);
    if (isClosed || (last !== undefined && isSame(reading, last))) return;
    const manifests = mergeManifests(entriesOf(reading));
    onChange({ ...manifests, policies: setGenerations(manifests.policies) });
    // Not before: what could not be taken over is offered again.
    last = reading;
  }

  function close(): void {
    isClosed = true;
    schedule.close();
    watchers.close();
  }

  try {
    await takeOver(await readDirectory(directory));
  } catch (error) {
    close();
    throw error;
  }
  schedule.readSoon();
  return { close };
}

function describeMissing(directory: string, error: unknown): DirectoryContents {
  if (!(error instanceof ManifestPathError)) throw error;
  const problem = { file: directory, line: 1, message: `${error.reason}: no policy is in force` };
  return { files: [], problems: [problem], linkedDirectories: [] };
}

/** What was read, with files that did not change since the last time taken from there, already parsed. */
interface Reading {
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly problems: readonly ManifestProblem[];
}

interface KnownFile {
  readonly text: string;
  readonly entries: readonly Entry[];
}

function parseContents({ files, problems }: DirectoryContents, last: Reading | undefined): Reading {
  const known = files.map((file): [string, KnownFile] => {
    const before = last?.files.get(file.path);
    const isUnchanged = before?.text === file.text;
    return [file.path, isUnchanged ? before : { text: file.text, entries: readManifestFile(file) }];
  });
  return { files: new Map(known), problems };
}

function isSame(a: Reading, b: Reading): boolean {
  const sameFiles =
    a.files.size === b.files.size && [...a.files].every(([path, file]) => b.files.get(path) === file);
  return sameFiles && isDeepStrictEqual(a.problems, b.problems);
}

function entriesOf({ files, problems }: Reading): readonly Entry[] {
  const unreadable = problems.map((problem): Entry => ({ type: 'problem', problem }));
  return [...unreadable, ...[...files.values()].flatMap(({ entries }) => entries)];
}
