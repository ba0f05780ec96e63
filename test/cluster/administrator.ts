import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlPlane } from './control-plane.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';

const root = join(import.meta.dirname, '../..');
const operator = 'mcp-auth-operator';

/** What an administrator does by hand in a cluster. */
export interface Administrator {
  /** Where the files are; made when it is first asked for. */
  folder(): string;
  /** Writes a file that nobody else may read, and names it. */
  write(name: string, text: string): string;
  /** Runs kubectl; throws with its words when it fails. */
  kubectl(...args: readonly string[]): Promise<string>;
  installCRD(): Promise<void>;
  /** Gives the operator the rights of the manifests, and names a kubeconfig of its ServiceAccount. */
  installRights(): Promise<string>;
  /** Removes the files. */
  leave(): void;
}

/** @param cluster - asked for each call: files may be needed before there is a cluster. */
export function createAdministrator(cluster: () => ControlPlane): Administrator {
  let made: string | undefined;

  function folder(): string {
    made ??= mkdtempSync(join(tmpdir(), 'mcp-auth-administrator-'));
    return made;
  }

  function write(name: string, text: string): string {
    const file = join(folder(), name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster().kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  return {
    folder,
    write,
    kubectl,
    async installCRD() {
      await kubectl('apply', '-f', join(root, 'crds'));
      await kubectl(
        'wait',
        '--for=condition=Established',
        'crd/mcpauthpolicies.mcpauth.dev',
        '--timeout=30s',
      );
    },
    async installRights() {
      await kubectl('apply', '-f', join(root, 'manifests/rbac.yaml'));
      const token = await kubectl('-n', operator, 'create', 'token', operator);
      return write('operator.kubeconfig', kubeconfigFor(cluster(), { token }));
    },
    leave() {
      if (made !== undefined) rmSync(made, { recursive: true, force: true });
    },
  };
}
