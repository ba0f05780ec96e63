import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { compile } from '../../operator/policy/compile.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import { readManifests } from '../../operator/standalone/manifests.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';

const root = join(import.meta.dirname, '../..');
const files = readdirSync(join(root, 'manifests/samples')).map((file) => join('manifests/samples', file));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  // biome-ignore lint/suspicious/noExplicitAny: other people's kinds.
  readonly spec: any;
}

const manifestsOf = (path: string): readonly Manifest[] =>
  parseAllDocuments(read(path)).map((document) => document.toJS() as Manifest);

test('with the configuration of the demo nothing is found against them', async () => {
  const manifests = readManifests(files.map((path) => ({ path, text: read(path) })));
  const decoded = decodeConfiguration(parse(read('test/demo/operator-configuration.yaml')));
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const { certificatePem } = await createCertificateAuthority();
  const { outcomes, snapshot } = compile({
    ...manifests,
    configMaps: new Map([
      ...manifests.configMaps,
      ['demo/issuer-ca', { data: { 'ca.crt': certificatePem } }],
    ]),
    serviceAddresses: 'only',
    configuration: decoded.value,
    cluster: { reviewsTokens: true, audiences: [] },
  });
  expect(manifests.problems).toEqual([]);
  expect(outcomes.flatMap(({ refusal, brokenRef }) => [refusal, brokenRef]).filter(Boolean)).toEqual([]);
  const compiled = [...snapshot.policies.values()];
  expect(compiled.some(({ upstream }) => upstream !== undefined)).toBe(true);
  expect(compiled.some(({ tools }) => tools.length > 0)).toBe(true);
});

describe.each(files.filter((path) => /^ {2}upstream:/m.test(read(path))))('%s', (path) => {
  test('has a NetworkPolicy that lets only the operator reach the upstream', () => {
    const objects = manifestsOf(path);
    const find = (kind: string, name: string) =>
      objects.find((object) => object.kind === kind && object.metadata.name === name);
    const { name, port } = objects.find(({ kind }) => kind === 'McpAuthPolicy')?.spec.upstream.service ?? {};
    const deployment = manifestsOf('manifests/deployment.yaml').find(({ kind }) => kind === 'Deployment');
    const from = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': deployment?.metadata.namespace } },
      podSelector: { matchLabels: deployment?.spec.template.metadata.labels },
    };
    expect(find('NetworkPolicy', name)?.spec).toEqual({
      podSelector: { matchLabels: find('Service', name)?.spec.selector },
      policyTypes: ['Ingress'],
      ingress: [{ from: [from], ports: [{ port }] }],
    });
  });
});
