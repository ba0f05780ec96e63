import { expect, test } from 'vitest';
import { compile } from '../../operator/policy/compile.ts';
import { type ClusterFacts, type ConfigMapData, noCluster } from '../../operator/policy/inputs.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';

const decoded = decodeConfiguration({
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'OperatorConfiguration',
  publicURL: 'https://mcp.example.com',
});
if (!decoded.ok) throw new Error('the configuration of the test is wrong');
const configuration = decoded.value;

function policy(name: string, spec: object) {
  return {
    object: {
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { namespace: 'a', name },
      spec: { issuer: 'https://idp.example.com', audience: name, mode: 'OIDC', ...spec },
    },
  };
}

/** Throws when it is asked, as a bug of ours might. */
class PoisonedMap extends Map<string, ConfigMapData> {
  override get(): never {
    throw new Error('a bug');
  }
}

test('a policy that cannot be judged for a bug denies, and the others are compiled', () => {
  const { snapshot, outcomes } = compile({
    policies: [policy('poison', { caBundleRef: { name: 'x', key: 'y' } }), policy('good', {})],
    configMaps: new PoisonedMap(),
    services: new Map(),
    serviceAddresses: 'unused',
    configuration,
    cluster: noCluster,
  });
  expect([...snapshot.policies.keys()]).toEqual(['a/good']);
  expect(outcomes.map(({ name, refusal }) => [name, refusal?.reason])).toEqual([
    ['good', undefined],
    ['poison', 'Invalid'],
  ]);
});

test('what is compiled cannot be changed', () => {
  const { snapshot } = compile({
    policies: [policy('x', { requiredScopes: ['a'] })],
    configMaps: new Map(),
    services: new Map(),
    serviceAddresses: 'unused',
    configuration,
    cluster: noCluster,
  });
  const compiled = snapshot.policies.get('a/x');
  expect(Object.isFrozen(snapshot)).toBe(true);
  expect(Object.isFrozen(compiled)).toBe(true);
  expect(Object.isFrozen(compiled?.verifier)).toBe(true);
  expect(Object.isFrozen(compiled?.metadata?.scopes_supported)).toBe(true);
});

const cluster: ClusterFacts = {
  reviewsTokens: true,
  audiences: ['https://api.example.com'],
  issuer: 'https://idp.example.com',
};

function compileOne(spec: object, facts: ClusterFacts, clusterIssuer = false) {
  const { snapshot, outcomes } = compile({
    policies: [policy('x', spec)],
    configMaps: new Map(),
    services: new Map(),
    serviceAddresses: 'unused',
    configuration: { ...configuration, clusterIssuer },
    cluster: facts,
  });
  return { verifier: snapshot.policies.get('a/x')?.verifier, refusal: outcomes[0]?.refusal?.reason };
}

test("the cluster's own keys are used where the administrator wants it, and the issuer is the cluster's", () => {
  const kindOf = ({ verifier }: ReturnType<typeof compileOne>) =>
    verifier !== undefined && 'keySource' in verifier ? verifier.keySource.kind : undefined;
  expect(kindOf(compileOne({}, cluster, true))).toBe('cluster');
  expect(kindOf(compileOne({}, cluster, false))).toBe('discovery');
  expect(kindOf(compileOne({ issuer: 'https://other.example.com' }, cluster, true))).toBe('discovery');
  expect(kindOf(compileOne({}, { reviewsTokens: true, audiences: [] }, true))).toBe('discovery');
});

test.each([{ mode: 'OIDC' }, { mode: 'TokenReview' }, { mode: 'Offline', jwks: { inline: '{"keys":[]}' } }])(
  "the API server's own audiences are forbidden (%j)",
  (spec) => {
    const audience = 'https://api.example.com';
    expect(compileOne({ ...spec, audience }, cluster).refusal).toBe('AudienceForbidden');
    expect(compileOne({ ...spec, additionalAudiences: [audience] }, cluster).refusal).toBe(
      'AudienceForbidden',
    );
    expect(compileOne({ ...spec, audience: `${audience}/` }, cluster).refusal).toBeUndefined();
  },
);

test('mode TokenReview needs an API server', () => {
  expect(compileOne({ mode: 'TokenReview' }, noCluster).refusal).toBe('Unsupported');
  expect(compileOne({ mode: 'TokenReview' }, cluster).refusal).toBeUndefined();
});
