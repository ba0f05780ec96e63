import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { compile } from '../../operator/policy/compile.ts';
import type { ClusterFacts, ConfigMapData, ServiceData } from '../../operator/policy/inputs.ts';
import { decodeConfiguration, defaultDocument } from '../../operator/policy/operator-configuration.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';

const crd = parse(readFileSync(join(import.meta.dirname, '../../crds/mcpauthpolicies.yaml'), 'utf8'));
const schema = crd.spec.versions[0].schema.openAPIV3Schema.properties.spec;

const ca = await createCertificateAuthority();
const configMaps = new Map<string, ConfigMapData>([['a/ca', { data: { 'ca.crt': ca.certificatePem } }]]);
const services = new Map<string, ServiceData>([
  [
    'a/mcp',
    {
      type: 'ClusterIP',
      clusterIP: '10.0.0.1',
      hasSelector: true,
      ports: [{ port: 80, protocol: 'TCP' }],
    },
  ],
]);
const cluster: ClusterFacts = { reviewsTokens: true, audiences: [] };

/** Another value of each field than the default, or than that of the smallest policy. */
const others: Readonly<Record<string, unknown>> = {
  issuer: 'https://other.example.com',
  audience: 'other',
  mode: 'TokenReview',
  additionalAudiences: ['more'],
  resource: 'https://mcp.example.com/a/elsewhere',
  discoveryURL: 'https://idp.example.com/discovery',
  jwks: { uri: 'https://idp.example.com/keys' },
  caBundleRef: { name: 'ca', key: 'ca.crt' },
  algorithms: ['ES384'],
  clockSkew: '30s',
  requiredScopes: ['mcp:read'],
  requiredClaims: [{ claim: 'groups', values: ['x'] }],
  tools: [{ names: ['x'], scopes: ['y'] }],
  upstream: { service: { name: 'mcp', port: 80 } },
  tokenType: 'Any',
};

function compileWith(change: object) {
  const decoded = decodeConfiguration({ ...defaultDocument, publicURL: 'https://mcp.example.com' });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const spec = { issuer: 'https://idp.example.com', audience: 'a', mode: 'OIDC', ...change };
  const metadata = { namespace: 'a', name: 'x' };
  const object = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec };
  const { snapshot, outcomes } = compile({
    policies: [{ object }],
    configMaps,
    services,
    serviceAddresses: 'unused',
    configuration: decoded.value,
    cluster,
  });
  const [{ refusal, brokenRef } = {}] = outcomes;
  return { digest: snapshot.policies.get('a/x')?.digest, findings: [refusal, brokenRef] };
}

test('every field of the schema is tried', () => {
  expect(Object.keys(others).sort()).toEqual(Object.keys(schema.properties).sort());
});

test.each(Object.entries(others))('%s makes a difference', (field, value) => {
  const changed = compileWith({ [field]: value });
  expect(changed.findings).toEqual([undefined, undefined]);
  expect(changed.digest).not.toBe(compileWith({}).digest);
});
