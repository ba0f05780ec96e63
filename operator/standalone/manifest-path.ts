import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ManifestFile, ManifestProblem } from './manifest-file.ts';
import { type Manifests, readManifests } from './manifests.ts';

const maxFileBytes = 1_048_576;
const maxFiles = 10_000;

/** The path that was named is not there, or cannot be reached. The message names it. */
export class ManifestPathError extends Error {
  override readonly name = 'ManifestPathError';
  readonly code: 'NotFound' | 'NotADirectory' | 'Unreadable';
  /** What is wrong, without the path. */
  readonly reason: string;

  constructor(path: string, cause: unknown) {
    const { code, reason } = describeCause(cause);
    super(`${path} ${reason}`, { cause });
    this.code = code;
    this.reason = reason;
  }
}

/** The manifests of a directory at one moment. */
export interface DirectoryContents {
  /** By name. */
  readonly files: readonly ManifestFile[];
  /** Why files that are there could not be read. */
  readonly problems: readonly ManifestProblem[];
  /** Where those files really lie that are symbolic links. */
  readonly linkedDirectories: readonly string[];
}

/**
 * Reads the manifests of a file, of a directory, or of standard input when `path` is `-`.
 *
 * @throws ManifestPathError when there is no such file or directory
 * @throws the system's error when too many files are open
 */
export async function readPath(path: string, readStdin: () => Promise<string>): Promise<Manifests> {
  if (path === '-') return readManifests([{ path: 'stdin', text: await readStdin() }]);
  const info = await stat(path).catch((error: unknown) => refusePath(path, error));
  const { files, problems } = info.isDirectory()
    ? await readDirectory(path)
    : sortOut([await readText(path, info).catch((error: unknown) => describeUnreadable(path, error))]);
  const manifests = readManifests(files);
  return { ...manifests, problems: [...problems, ...manifests.problems] };
}

/**
 * Reads the files of a directory that are named like manifests (`*.yaml`, `*.yml`, `*.json`), links followed. Like
 * `kubectl apply -f DIR` it does not descend. Names that start with a dot are skipped: there editors keep unfinished
 * copies, and mounted ConfigMaps the versions of all their files.
 *
 * @throws ManifestPathError when the directory does not exist, is none, or cannot be listed
 * @throws the system's error when too many files are open
 */
export async function readDirectory(directory: string): Promise<DirectoryContents> {
  const listed = await readdir(directory, { withFileTypes: true }).catch((error: unknown) =>
    refusePath(directory, error),
  );
  const entries = listed.filter(isManifest).sort((a, b) => (a.name < b.name ? -1 : 1));
  const outcomes: Outcome[] = [];
  const linkedDirectories = new Set<string>();
  // One after the other: ten thousand open files at once are more than most systems allow.
  for (const entry of entries.slice(0, maxFiles)) {
    const path = join(directory, entry.name);
    outcomes.push(await readEntry(path));
    const real = entry.isSymbolicLink() ? await realpath(path).catch(() => undefined) : undefined;
    if (real !== undefined) linkedDirectories.add(dirname(real));
  }
  if (entries.length > maxFiles) outcomes.push(problemOf(directory, tooManyFiles(entries.length)));
  return { ...sortOut(outcomes), linkedDirectories: [...linkedDirectories] };
}

function isManifest({ name }: Dirent): boolean {
  return !name.startsWith('.') && /\.(yaml|yml|json)$/.test(name);
}

function tooManyFiles(count: number): string {
  return `holds ${count} manifests: only the first ${maxFiles} by name are read; put several policies into one file`;
}

/** Nothing at all is the outcome for what is a directory, or has vanished since it was listed. */
type Outcome = ManifestFile | ManifestProblem | undefined;

async function readEntry(path: string): Promise<Outcome> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return undefined;
    // To open a pipe would wait for somebody to write.
    return info.isFile() ? await readText(path, info) : problemOf(path, 'is not a regular file');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') return describeUnreadable(path, error);
    return (await isThere(path)) ? problemOf(path, 'is a link to a file that does not exist') : undefined;
  }
}

async function readText(path: string, { size }: Stats): Promise<Outcome> {
  if (size > maxFileBytes) return problemOf(path, tooLarge(size));
  const bytes = await readFile(path);
  // A pipe tells no size, and a file may have grown.
  if (bytes.length > maxFileBytes) return problemOf(path, tooLarge(bytes.length));
  try {
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return problemOf(path, 'is not UTF-8 text: save it in that encoding');
  }
}

function tooLarge(size: number): string {
  return `has ${size} bytes: a file may have ${maxFileBytes}; split it`;
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function problemOf(file: string, message: string): ManifestProblem {
  return { file, line: 1, message };
}

function sortOut(outcomes: readonly Outcome[]): Pick<DirectoryContents, 'files' | 'problems'> {
  const present = outcomes.filter((outcome) => outcome !== undefined);
  return {
    files: present.filter((outcome) => 'text' in outcome),
    problems: present.filter((outcome) => 'message' in outcome),
  };
}

function describeUnreadable(path: string, error: unknown): ManifestProblem {
  if (isShortage(error)) throw error;
  return problemOf(path, `cannot be read: ${errorMessage(error)}`);
}

function refusePath(path: string, error: unknown): never {
  throw isShortage(error) ? error : new ManifestPathError(path, error);
}

/** Too many files are open, here or on the whole machine: that says nothing about the one that was to be read. */
function isShortage(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes(String(errorCode(error)));
}

function describeCause(cause: unknown): Pick<ManifestPathError, 'code' | 'reason'> {
  switch (errorCode(cause)) {
    case 'ENOENT':
      return { code: 'NotFound', reason: 'does not exist' };
    case 'ENOTDIR':
      return { code: 'NotADirectory', reason: 'is not a directory' };
    default:
      return { code: 'Unreadable', reason: `cannot be read: ${errorMessage(cause)}` };
  }
}

function errorCode(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}

function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
