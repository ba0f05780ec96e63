import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { type Deployment, namespace } from './deployment.ts';
import { startOperatorProcess } from './operator-process.ts';
import { describeScenario } from './scenario.ts';

interface Listed {
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly status?: McpAuthPolicyStatus;
}

async function startServe(configuration: string): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-e2e-'));
  const policies = mkdtempSync(join(folder, 'policies-'));
  const configFile = join(folder, 'configuration.yaml');
  writeFileSync(configFile, configuration);
  const write = (kind: string, name: string, object: object): void => {
    writeFileSync(join(policies, `${kind}-${name}.json`), JSON.stringify(object));
  };
  const operator = await startOperatorProcess('serve', ['--policies', policies, '--config', configFile]);
  return {
    publicURL: operator.publicURL,
    async applyConfigMap(name, data) {
      write('config-map', name, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
    },
    async apply({ name, spec }) {
      const metadata = { name, namespace };
      write('policy', name, { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec });
    },
    async remove(name) {
      rmSync(join(policies, `policy-${name}.json`));
    },
    async see(name) {
      const listed = (await (await fetch(`${operator.adminURL}/policies`)).json()) as readonly Listed[];
      const found = listed.find(({ metadata }) => metadata.name === name);
      return found && { generation: found.metadata.generation, status: found.status };
    },
    log: operator.log,
    async stop() {
      const code = await operator.stop();
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

describe('serve: policies from a folder', () => describeScenario(startServe));
