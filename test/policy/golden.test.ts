import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderCompilation } from '../../operator/commands/render-compilation.ts';
import { compile } from '../../operator/policy/compile.ts';
import type { ClusterFacts, Inputs } from '../../operator/policy/inputs.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import { readManifests } from '../../operator/standalone/manifests.ts';

const folder = join(import.meta.dirname, '../testdata/compile');
const cases = readdirSync(folder)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => file.replace(/\.in\.yaml$/, ''));

const cluster: ClusterFacts = {
  reviewsTokens: true,
  audiences: ['https://kubernetes.default.svc'],
  issuer: 'https://kubernetes.default.svc.cluster.local',
};

const defaultConfiguration = {
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'OperatorConfiguration',
  publicURL: 'https://mcp.example.com',
};

function readConfiguration(name: string): unknown {
  const file = `${name}.config.yaml`;
  return readdirSync(folder).includes(file)
    ? parse(readFileSync(join(folder, file), 'utf8'))
    : defaultConfiguration;
}

test.each(cases)('%s compiles to what is in its golden file', async (name) => {
  const path = `${name}.in.yaml`;
  const manifests = readManifests([{ path, text: readFileSync(join(folder, path), 'utf8') }]);
  expect(manifests.problems).toEqual([]);
  const decoded = decodeConfiguration(readConfiguration(name));
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const inputs: Inputs = { ...manifests, serviceAddresses: 'first', configuration: decoded.value, cluster };
  const rendered = renderCompilation(compile(inputs), 'yaml');
  await expect(rendered).toMatchFileSnapshot(join(folder, `${name}.out.yaml`));

  const reversed = { ...inputs, policies: [...inputs.policies].reverse() };
  expect(renderCompilation(compile(reversed), 'yaml'), 'the order of the policies must not matter').toBe(
    rendered,
  );
});
