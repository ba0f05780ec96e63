import { expect, test } from 'vitest';
import { compile } from '../../operator/policy/compile.ts';
import type { ConfigMapData } from '../../operator/policy/inputs.ts';
import { noCluster } from '../../operator/policy/inputs.ts';
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
    configuration,
    cluster: noCluster,
  });
  const compiled = snapshot.policies.get('a/x');
  expect(Object.isFrozen(snapshot)).toBe(true);
  expect(Object.isFrozen(compiled)).toBe(true);
  expect(Object.isFrozen(compiled?.verifier)).toBe(true);
  expect(Object.isFrozen(compiled?.metadata?.scopes_supported)).toBe(true);
});
