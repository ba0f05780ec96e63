import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { installInto } from './install-assets.ts';
import type { Log, Platform } from './programs.ts';
import { runCommand } from './run-command.ts';

const repository = 'https://github.com/kubernetes-sigs/controller-tools';
const indexUrl = `${repository}/raw/HEAD/envtest-releases.yaml`;
const indexTimeoutMs = 5_000;
const archiveTimeoutMs = 180_000;
const unpackTimeoutMs = 60_000;

/** What a download needs; `fetch` is a port for tests. */
export interface DownloadOptions {
  readonly cache: string;
  /** The wanted minor version, as `1.36`. */
  readonly minor: string;
  readonly platform: Platform;
  readonly log: Log;
  readonly fetch: (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;
}

interface Archive {
  readonly version: string;
  readonly sha512: string;
  readonly url: string;
}

/**
 * Downloads the newest archive of the wanted minor version which setup-envtest's index lists.
 *
 * @returns the directory in the cache; undefined (with a log line) when the network, the index or the
 *   checksum says no, so that the caller can take another way
 */
export async function downloadAssets(options: DownloadOptions): Promise<string | undefined> {
  const { cache, minor, platform, log } = options;
  try {
    const index = await fetchBytes(options, indexUrl, indexTimeoutMs);
    const archive = newestArchive(parse(index.toString('utf8')), minor, platform);
    log(`downloading ${archive.url}`);
    const bytes = await fetchBytes(options, archive.url, archiveTimeoutMs);
    const sha512 = createHash('sha512').update(bytes).digest('hex');
    if (sha512 !== archive.sha512) {
      throw new Error(`${archive.url} has SHA-512 ${sha512}, the index says ${archive.sha512}`);
    }
    const target = join(cache, `kubernetes-${archive.version}-${platform.os}-${platform.arch}`);
    return await installInto(target, (directory) => unpack(bytes, directory));
  } catch (error) {
    log(`not downloaded: ${describe(error)}`);
    return undefined;
  }
}

async function fetchBytes(options: DownloadOptions, url: string, timeoutMs: number): Promise<Buffer> {
  const response = await options.fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status}`);
  }
  return Buffer.from(await response.arrayBuffer());
}

function newestArchive(index: unknown, minor: string, platform: Platform): Archive {
  const releases = recordOf(recordOf(index).releases);
  const archives = Object.entries(releases).flatMap(([release, files]): readonly Archive[] => {
    const version = release.replace(/^v/, '');
    const patch = version.startsWith(`${minor}.`) ? version.slice(minor.length + 1) : '';
    const file = recordOf(files)[`envtest-${release}-${platform.os}-${platform.arch}.tar.gz`];
    const { hash, selfLink } = recordOf(file);
    const usable = typeof hash === 'string' && /^[0-9a-f]{128}$/.test(hash) && typeof selfLink === 'string';
    if (!/^\d+$/.test(patch) || !usable || !selfLink.startsWith(`${repository}/releases/download/`)) {
      return [];
    }
    return [{ version, sha512: hash, url: selfLink }];
  });
  const newest = archives.sort((a, b) => patchOf(b.version) - patchOf(a.version))[0];
  if (newest === undefined) {
    throw new Error(`the index lists no ${minor} for ${platform.os}/${platform.arch}`);
  }
  return newest;
}

async function unpack(archive: Buffer, directory: string): Promise<void> {
  const file = join(directory, 'archive.tar.gz');
  await writeFile(file, archive);
  // The archive has its programs in controller-tools/envtest/.
  const args = ['-xzf', file, '-C', directory, '--strip-components=2'];
  const { code, stderr } = await runCommand('tar', args, { timeoutMs: unpackTimeoutMs });
  if (code !== 0) {
    throw new Error(`tar failed: ${stderr}`);
  }
  await rm(file);
}

function patchOf(version: string): number {
  return Number(version.split('.')[2]);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
