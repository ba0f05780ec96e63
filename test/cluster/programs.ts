import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

/** The Kubernetes version built from source; `go/kubernetes/go.mod` pins the same. */
export const kubernetesVersion = '1.36.3';

/** The minor version whose every patch release is good enough for the tests. */
export const kubernetesMinor = kubernetesVersion.split('.', 2).join('.');

/** The programs' names, in the directory that holds them. */
export const programs = ['kube-apiserver', 'etcd', 'kubectl'] as const;

/** The ways to get the programs, for messages. */
export const waysToProvide = [
  'set KUBEBUILDER_ASSETS to a directory with kube-apiserver, etcd and kubectl',
  `run \`setup-envtest use ${kubernetesMinor}.x\`, or \`node test/cluster/provide.ts\` with github.com in reach`,
  'install Go 1.26 or newer and run `node test/cluster/provide.ts` (5 minutes, 6 GB of build caches)',
] as const;

/** Takes one line about what is being done. */
export type Log = (line: string) => void;

/** An operating system and architecture, in Go's words. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** Names this machine's operating system and architecture. */
export function currentPlatform(): Platform {
  const archOf: Readonly<Record<string, string>> = { x64: 'amd64', ppc64: 'ppc64le' };
  return { os: process.platform, arch: archOf[process.arch] ?? process.arch };
}

/** Names the programs which a directory lacks, or has but not executable. */
export async function missingPrograms(directory: string): Promise<readonly string[]> {
  const checks = programs.map(async (program) => {
    try {
      await access(join(directory, program), constants.X_OK);
      return [];
    } catch {
      return [program];
    }
  });
  return (await Promise.all(checks)).flat();
}
