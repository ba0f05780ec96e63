import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAssets } from './assets.ts';
import { downloadAssets } from './download-assets.ts';
import { installInto } from './install-assets.ts';
import { withLock } from './lock.ts';
import { currentPlatform, kubernetesVersion, programs } from './programs.ts';
import { runCommand } from './run-command.ts';

const { os, arch } = currentPlatform();
const releases = 'https://github.com/kubernetes-sigs/controller-tools/releases/download';

let root: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'assets-'));
  env = { XDG_DATA_HOME: join(root, 'data'), XDG_CACHE_HOME: join(root, 'cache') };
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function writePrograms(directory: string, names: readonly string[] = programs): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const name of names) {
    await writeFile(join(directory, name), '#!/bin/sh\n', { mode: 0o755 });
  }
  return directory;
}

describe('finding the programs', () => {
  const store = () => join(root, 'data', 'kubebuilder-envtest', 'k8s');
  const cache = () => join(root, 'cache', 'mcp-auth-operator');

  it('finds nothing on a fresh machine', async () => {
    expect(await findAssets(env)).toBeUndefined();
  });

  it('prefers KUBEBUILDER_ASSETS, then the store of setup-envtest, then the own cache', async () => {
    const cached = await writePrograms(join(cache(), `kubernetes-1.36.3-${os}-${arch}`));
    expect((await findAssets(env))?.directory).toBe(cached);

    const stored = await writePrograms(join(store(), `1.36.2-${os}-${arch}`));
    expect((await findAssets(env))?.directory).toBe(stored);

    const chosen = await writePrograms(join(root, 'chosen'));
    expect(await findAssets({ ...env, KUBEBUILDER_ASSETS: chosen })).toEqual({
      directory: chosen,
      kubeApiserver: join(chosen, 'kube-apiserver'),
      etcd: join(chosen, 'etcd'),
      kubectl: join(chosen, 'kubectl'),
    });
  });

  it('takes the newest complete patch release of the pinned minor version', async () => {
    await writePrograms(join(store(), `1.36.2-${os}-${arch}`));
    const newest = await writePrograms(join(store(), `1.36.10-${os}-${arch}`));
    await writePrograms(join(store(), `1.36.11-${os}-${arch}`), ['etcd', 'kubectl']);
    await writePrograms(join(store(), `1.37.0-${os}-${arch}`));
    await writePrograms(join(store(), `1.36.12-${os}-other`));

    expect((await findAssets(env))?.directory).toBe(newest);
  });

  it('refuses an incomplete KUBEBUILDER_ASSETS instead of taking other programs', async () => {
    await writePrograms(join(store(), `1.36.2-${os}-${arch}`));
    const chosen = await writePrograms(join(root, 'chosen'), ['etcd', 'kubectl']);
    await chmod(join(chosen, 'etcd'), 0o644);

    await expect(findAssets({ ...env, KUBEBUILDER_ASSETS: chosen })).rejects.toThrow(
      `KUBEBUILDER_ASSETS is ${chosen}, but there is no executable kube-apiserver, etcd there`,
    );
  });
});

describe('downloading the programs', () => {
  let archive: Buffer;
  const asked: string[] = [];
  const log: string[] = [];

  beforeEach(async () => {
    asked.length = 0;
    log.length = 0;
    await writePrograms(join(root, 'controller-tools', 'envtest'));
    const file = join(root, 'archive.tar.gz');
    await runCommand('tar', ['-czf', file, '-C', root, 'controller-tools'], { timeoutMs: 60_000 });
    archive = await readFile(file);
  });

  function download(index: object, served = archive): Promise<string | undefined> {
    return downloadAssets({
      cache: join(root, 'cache'),
      minor: '1.36',
      platform: { os: 'linux', arch: 'amd64' },
      log: (line) => log.push(line),
      fetch: async (url) => {
        asked.push(url);
        const isIndex = url.endsWith('/envtest-releases.yaml');
        return new Response(isIndex ? JSON.stringify(index) : Uint8Array.from(served));
      },
    });
  }

  function release(version: string, from = releases): object {
    const name = `envtest-v${version}-linux-amd64.tar.gz`;
    const hash = createHash('sha512').update(archive).digest('hex');
    return { [`v${version}`]: { [name]: { hash, selfLink: `${from}/envtest-v${version}/${name}` } } };
  }

  it('unpacks the newest archive of the minor version', async () => {
    const index = { releases: { ...release('1.36.2'), ...release('1.36.10'), ...release('1.37.0') } };

    const directory = await download(index);

    expect(directory).toBe(join(root, 'cache', 'kubernetes-1.36.10-linux-amd64'));
    expect((await readdir(directory as string)).sort()).toEqual([...programs].sort());
    expect(asked[1]).toBe(`${releases}/envtest-v1.36.10/envtest-v1.36.10-linux-amd64.tar.gz`);
  });

  it('refuses an archive whose checksum is another one', async () => {
    const directory = await download({ releases: release('1.36.2') }, Buffer.from('not the archive'));

    expect(directory).toBeUndefined();
    expect(log.at(-1)).toMatch(
      /^not downloaded: .* has SHA-512 [0-9a-f]{128}, the index says [0-9a-f]{128}$/,
    );
    expect(await readdir(root)).not.toContain('cache');
  });

  it('refuses a place outside the releases of the project', async () => {
    const directory = await download({ releases: release('1.36.2', 'https://example.com/download') });

    expect(directory).toBeUndefined();
    expect(log).toEqual(['not downloaded: the index lists no 1.36 for linux/amd64']);
    expect(asked).toHaveLength(1);
  });
});

describe('installing the programs', () => {
  it('leaves nothing when it is not complete', async () => {
    const target = join(root, 'cache', 'target');
    const installed = installInto(target, async (directory) => {
      await writePrograms(directory, ['etcd']);
    });

    await expect(installed).rejects.toThrow('no kube-apiserver, kubectl was produced for target');
    expect(await readdir(join(root, 'cache'))).toEqual([]);
  });

  it('replaces a target that lost a program, and keeps a complete one', async () => {
    const target = await writePrograms(join(root, 'target'), ['etcd']);
    await installInto(target, async (directory) => {
      await writePrograms(directory);
      await writeFile(join(directory, 'mark'), 'first');
    });
    await installInto(target, async (directory) => {
      await writePrograms(directory);
      await writeFile(join(directory, 'mark'), 'second');
    });

    expect(await readFile(join(target, 'mark'), 'utf8')).toBe('first');
  });

  it('removes what a dead process left', async () => {
    const pid = await deadPid();
    await mkdir(join(root, 'cache', `.unfinished-${pid}-abc`), { recursive: true });
    await mkdir(join(root, 'cache', `.unfinished-${process.pid}-abc`));

    await installInto(join(root, 'cache', 'target'), async (directory) => {
      await writePrograms(directory);
    });

    expect((await readdir(join(root, 'cache'))).sort()).toEqual([`.unfinished-${process.pid}-abc`, 'target']);
  });
});

describe('locking', () => {
  it('takes over the lock of a dead process, and gives it back', async () => {
    const path = join(root, 'provide.lock');
    const pid = await deadPid();
    await writeFile(path, pid);
    await writeFile(`${path}.${pid}`, pid);

    const held = await withLock(
      path,
      () => {},
      () => readFile(path, 'utf8'),
    );

    expect(held).toBe(String(process.pid));
    expect(await readdir(root)).toEqual([]);
  });
});

describe('the pins', () => {
  it('are the same in the modules', async () => {
    const goMod = await readFile(join(import.meta.dirname, 'go', 'kubernetes', 'go.mod'), 'utf8');

    expect(goMod).toContain(`require k8s.io/kubernetes v${kubernetesVersion}\n`);
  });
});

async function deadPid(): Promise<string> {
  const { stdout } = await runCommand('/bin/sh', ['-c', 'echo $$'], { timeoutMs: 60_000 });
  return stdout.trim();
}
