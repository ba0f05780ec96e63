import { join } from 'node:path';
import { installInto } from './install-assets.ts';
import { type Log, type Platform, waysToProvide } from './programs.ts';
import { type CommandResult, runCommand } from './run-command.ts';

const modules = join(import.meta.dirname, 'go');
const buildTimeoutMs = 30 * 60_000;
const shownErrorLines = 20;

/** What a build needs. */
export interface BuildOptions {
  readonly cache: string;
  /** The Kubernetes version, stamped into the programs; the one `go/kubernetes/go.mod` pins. */
  readonly version: string;
  readonly platform: Platform;
  readonly log: Log;
}

interface Program {
  readonly name: string;
  readonly module: 'kubernetes' | 'etcd';
  readonly package: string;
  readonly ldflags: string;
}

/**
 * Builds the programs from the Go modules pinned and checksummed under `go/`.
 *
 * @returns the directory in the cache
 * @throws when Go is missing (the message names the three ways to provide the programs) or a build fails (it
 *   ends with the last lines Go printed)
 */
export async function buildAssets(options: BuildOptions): Promise<string> {
  const { cache, version, platform, log } = options;
  await requireGo();
  const target = join(cache, `kubernetes-${version}-${platform.os}-${platform.arch}`);
  return installInto(target, async (directory) => {
    for (const program of programsOf(version)) {
      log(`building ${program.name} with Go`);
      const startedAt = Date.now();
      await build(program, directory);
      log(`built ${program.name} in ${Math.round((Date.now() - startedAt) / 1000)} s`);
    }
  });
}

function programsOf(version: string): readonly Program[] {
  const [major, minor] = version.split('.');
  const stamp = (name: string, value: string) => `-X k8s.io/component-base/version.${name}=${value}`;
  const stamps = [
    stamp('gitVersion', `v${version}`),
    stamp('gitMajor', `${major}`),
    stamp('gitMinor', `${minor}`),
  ];
  const kubernetes = (name: string): Program => ({
    name,
    module: 'kubernetes',
    package: `k8s.io/kubernetes/cmd/${name}`,
    // Without the stamps, /version reports a placeholder.
    ldflags: ['-s -w', ...stamps].join(' '),
  });
  return [
    kubernetes('kube-apiserver'),
    kubernetes('kubectl'),
    { name: 'etcd', module: 'etcd', package: 'go.etcd.io/etcd/server/v3', ldflags: '-s -w' },
  ];
}

async function build(program: Program, directory: string): Promise<void> {
  const output = join(directory, program.name);
  // -mod=readonly: a version which go.sum has no checksum for is refused.
  const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', program.ldflags];
  const { code, stderr } = await runGo([...args, '-o', output, program.package], program.module);
  if (code !== 0) {
    const tail = stderr.trim().split('\n').slice(-shownErrorLines).join('\n');
    throw new Error(`go could not build ${program.name}:\n${tail}`);
  }
}

async function requireGo(): Promise<void> {
  try {
    await runGo(['env', 'GOVERSION'], 'etcd');
  } catch (error) {
    const ways = waysToProvide.map((way) => `  - ${way}`).join('\n');
    throw new Error(
      `kube-apiserver, etcd and kubectl are missing, and there is no Go to build them:\n${ways}`,
      {
        cause: error,
      },
    );
  }
}

function runGo(args: readonly string[], module: Program['module']): Promise<CommandResult> {
  return runCommand('go', args, {
    cwd: join(modules, module),
    // The person's flags and workspace are for other modules; cgo would tie the programs to this libc.
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', GO111MODULE: 'on' },
    timeoutMs: buildTimeoutMs,
  });
}
