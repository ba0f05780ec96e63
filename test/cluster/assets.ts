/**
 * The three programs of a real control plane: where they are found, and how they come to this machine.
 *
 * Looking up reads the disk only. Providing also downloads or builds, into a cache outside the checkout;
 * what comes from the network is checksummed before it runs.
 */
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildAssets } from './build-assets.ts';
import { downloadAssets } from './download-assets.ts';
import { withLock } from './lock.ts';
import {
  currentPlatform,
  kubernetesMinor,
  kubernetesVersion,
  type Log,
  missingPrograms,
} from './programs.ts';

/** A directory with the three programs, and the path of each. */
export interface Assets {
  readonly directory: string;
  readonly kubeApiserver: string;
  readonly etcd: string;
  readonly kubectl: string;
}

/**
 * Looks the programs up: `KUBEBUILDER_ASSETS`, the store of setup-envtest, then our own cache.
 *
 * @returns the newest patch release found of the pinned minor version, or undefined when there is none
 * @throws when `KUBEBUILDER_ASSETS` is set and a program is missing there: other programs than those asked for
 *   would prove something else
 */
export async function findAssets(env: NodeJS.ProcessEnv = process.env): Promise<Assets | undefined> {
  const chosen = env.KUBEBUILDER_ASSETS;
  if (chosen !== undefined && chosen !== '') {
    const missing = await missingPrograms(chosen);
    if (missing.length > 0) {
      throw new Error(
        `KUBEBUILDER_ASSETS is ${chosen}, but there is no executable ${missing.join(', ')} there`,
      );
    }
    return assetsIn(chosen);
  }
  const { os, arch } = currentPlatform();
  const suffix = `-${os}-${arch}`;
  const stored = await findRelease(setupEnvtestStore(env), '', suffix);
  return stored ?? (await findRelease(cacheDirectory(env), 'kubernetes-', suffix));
}

/**
 * Looks the programs up, else downloads them as setup-envtest does, else builds them with Go.
 *
 * @param log takes the progress, a line at a time
 * @throws when all ways are closed; the message says why, and what to do
 */
export async function provideAssets(log: Log, env: NodeJS.ProcessEnv = process.env): Promise<Assets> {
  const found = await findAssets(env);
  if (found !== undefined) {
    log(`found in ${found.directory}`);
    return found;
  }
  const cache = cacheDirectory(env);
  return withLock(join(cache, 'provide.lock'), log, async () => {
    // Whoever held the lock before may have done the work.
    const meanwhile = await findAssets(env);
    if (meanwhile !== undefined) {
      return meanwhile;
    }
    const platform = currentPlatform();
    const downloaded = await downloadAssets({ cache, minor: kubernetesMinor, platform, log, fetch });
    return assetsIn(downloaded ?? (await buildAssets({ cache, version: kubernetesVersion, platform, log })));
  });
}

async function findRelease(parent: string, prefix: string, suffix: string): Promise<Assets | undefined> {
  const start = `${prefix}${kubernetesMinor}.`;
  const names = await readdir(parent).catch(() => []);
  const patches = names
    .filter((name) => name.startsWith(start) && name.endsWith(suffix))
    .map((name) => name.slice(start.length, -suffix.length))
    .filter((patch) => /^\d+$/.test(patch))
    .sort((a, b) => Number(b) - Number(a));
  for (const patch of patches) {
    const directory = join(parent, `${start}${patch}${suffix}`);
    if ((await missingPrograms(directory)).length === 0) {
      return assetsIn(directory);
    }
  }
  return undefined;
}

function assetsIn(directory: string): Assets {
  return {
    directory,
    kubeApiserver: join(directory, 'kube-apiserver'),
    etcd: join(directory, 'etcd'),
    kubectl: join(directory, 'kubectl'),
  };
}

function setupEnvtestStore(env: NodeJS.ProcessEnv): string {
  const inHome = process.platform === 'darwin' ? ['Library', 'Application Support'] : ['.local', 'share'];
  const data = env.XDG_DATA_HOME || join(homedir(), ...inHome);
  return join(data, 'kubebuilder-envtest', 'k8s');
}

/** Where what was downloaded or built is kept, outside of the checkout. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mcp-auth-operator');
}
