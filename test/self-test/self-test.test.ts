import { expect, test } from 'vitest';
import { compile } from '../../operator/policy/compile.ts';
import { noCluster } from '../../operator/policy/inputs.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import type { CompiledPolicy } from '../../operator/policy/snapshot.ts';
import type { JwtVerifierConfig } from '../../operator/policy/verifier-config.ts';
import { createSelfTest } from '../../operator/self-test/self-test.ts';
import { systemClock } from '../../operator/time/clock.ts';
import type { DenialReason } from '../../operator/verify/denial.ts';
import type { Verdict } from '../../operator/verify/verdict.ts';
import {
  createTokenVerifier,
  type VerifyPorts,
  type VerifyToken,
} from '../../operator/verify/verify-token.ts';

type JwtPolicy = CompiledPolicy & { readonly verifier: JwtVerifierConfig };

function compilePolicy(spec: object): JwtPolicy {
  const decoded = decodeConfiguration({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'OperatorConfiguration',
    publicURL: 'https://mcp.example.com/base',
    resourceHosts: [{ namespaces: ['team-a'], hosts: ['own.example.com:8443'] }],
  });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const object = {
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'McpAuthPolicy',
    metadata: { namespace: 'team-a', name: 'x' },
    spec: { issuer: 'https://idp.example.com', audience: 'a', mode: 'OIDC', ...spec },
  };
  const inputs = {
    policies: [{ object }],
    configMaps: new Map(),
    configuration: decoded.value,
    cluster: noCluster,
  };
  const policy = compile(inputs).snapshot.policies.get('team-a/x');
  if (policy === undefined || policy.verifier.mode === 'deny')
    throw new Error('the policy of the test is refused');
  return policy as JwtPolicy;
}

test.each([
  ['the smallest policy', {}],
  ['RS256', { algorithms: ['RS256'] }],
  ['PS512', { algorithms: ['PS512'] }],
  ['ES384', { algorithms: ['ES384', 'RS256'] }],
  ['ES512', { algorithms: ['ES512'] }],
  ['EdDSA', { algorithms: ['EdDSA'] }],
  ['Ed25519', { algorithms: ['Ed25519'] }],
  ['several audiences', { additionalAudiences: ['b', 'c'] }],
  [
    'scopes and claims',
    { requiredScopes: ['r', 'w'], requiredClaims: [{ claim: 'groups', values: ['x', 'y'] }] },
  ],
  ['no skew', { clockSkew: '0s' }],
  ['a value that no access token has', { requiredClaims: [{ claim: 'typ', values: ['ID', 'Bearer'] }] }],
  ['a subject that no token can have', { requiredClaims: [{ claim: 'sub', values: ['a\nb', 'alice'] }] }],
  [
    'as many and as long audiences as there can be',
    { additionalAudiences: Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(512, 'x')) },
  ],
  ['an audience that the test might have chosen', { audience: 'x', additionalAudiences: ['xx'] }],
  ['any type', { tokenType: 'Any' }],
  ['a host of its own', { resource: 'https://own.example.com:8443' }],
])('%s passes', async (_, spec) => {
  const policy = compilePolicy(spec);
  const result = await createSelfTest(systemClock)(policy);
  expect(result).toEqual({ configDigest: policy.digest, checks: 5, failed: [] });
});

/** A verifier that gives another verdict wherever the right one would be `reason`. */
function breakAt(reason: DenialReason, verdict: Verdict): (ports: VerifyPorts) => VerifyToken {
  return (ports) => {
    const verify = createTokenVerifier(ports);
    return async (token, config) => {
      const right = await verify(token, config);
      return right.kind === 'denied' && right.reason === reason ? verdict : right;
    };
  };
}

const principal = { issuer: 'i', subject: 's', audiences: [], scopes: [], expiresAt: 1 };
const admitted: Verdict = { kind: 'admitted', principal };

test.each<[string, (ports: VerifyPorts) => VerifyToken, readonly string[]]>([
  ['lets everything in', () => async () => admitted, ['forged-signature', 'wrong-audience', 'expired']],
  [
    'lets nothing in',
    () => async () => ({ kind: 'denied', reason: 'token_malformed' }),
    ['good-token', 'forged-signature', 'wrong-audience', 'expired'],
  ],
  ['does not check signatures', breakAt('signature_invalid', admitted), ['forged-signature']],
  ['does not check audiences', breakAt('audience_mismatch', admitted), ['wrong-audience']],
  ['does not check expiry', breakAt('token_expired', admitted), ['expired']],
  [
    'refuses for another reason',
    breakAt('token_expired', { kind: 'denied', reason: 'claim_invalid' }),
    ['expired'],
  ],
  [
    'is never sure',
    () => async () => ({ kind: 'unavailable', retryAfterSeconds: 1 }),
    ['good-token', 'forged-signature', 'wrong-audience', 'expired'],
  ],
  [
    'throws',
    () => async () => {
      throw new Error('a bug');
    },
    ['good-token', 'forged-signature', 'wrong-audience', 'expired'],
  ],
])('a verifier that %s is found out', async (_, buildVerifier, failed) => {
  const result = await createSelfTest(systemClock, buildVerifier)(compilePolicy({}));
  expect(result.failed).toEqual(failed);
});

test('claims that no token can have are found out', async () => {
  const policy = compilePolicy({});
  const verifier = {
    ...policy.verifier,
    requiredClaims: [{ claim: 'iss', values: ['https://other.example.com'] }],
  };
  const result = await createSelfTest(systemClock)({ ...policy, verifier });
  expect(result.failed).toEqual(['good-token']);
});
