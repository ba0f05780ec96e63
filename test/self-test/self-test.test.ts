import { describe, expect, test } from 'vitest';
import { compile } from '../../operator/policy/compile.ts';
import type { ClusterFacts } from '../../operator/policy/inputs.ts';
import type { SelfTestResult } from '../../operator/policy/observation.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import type { CompiledPolicy, ResourceMetadata } from '../../operator/policy/snapshot.ts';
import {
  createSelfTest,
  type EnforcedPolicy,
  type SelfTestParts,
} from '../../operator/self-test/self-test.ts';
import { systemClock as clock } from '../../operator/time/clock.ts';
import type { DenialReason } from '../../operator/verify/denial.ts';
import type { Verdict } from '../../operator/verify/verdict.ts';
import {
  createTokenVerifier,
  type VerifyPorts,
  type VerifyToken,
} from '../../operator/verify/verify-token.ts';
import { createStandInApiServer, type StandInApiServer } from '../fixtures/stand-in-api-server.ts';
import { createSigner } from '../fixtures/token-forge.ts';

const reviewing: ClusterFacts = { reviewsTokens: true, audiences: [] };

function compilePolicy(spec: object): EnforcedPolicy {
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
    spec: { issuer, audience: 'a', mode: 'OIDC', ...spec },
  };
  const inputs = {
    policies: [{ object }],
    configMaps: new Map(),
    services: new Map(),
    serviceAddresses: 'unused' as const,
    configuration: decoded.value,
    cluster: reviewing,
  };
  const policy = compile(inputs).snapshot.policies.get('team-a/x');
  if (policy === undefined || policy.verifier.mode === 'deny')
    throw new Error('the policy of the test is refused');
  return policy as EnforcedPolicy;
}

const issuer = 'https://idp.example.com';
const signer = await createSigner('RS256');

function createApiServer(): StandInApiServer {
  return createStandInApiServer({ issuer, signer, clock });
}

/** The names of the cases that failed stand for them. */
async function run(
  spec: object,
  parts: Partial<SelfTestParts> = {},
): Promise<Omit<SelfTestResult, 'failed'> & { readonly failed: readonly string[] }> {
  const outcome = await createSelfTest({ clock, apiServer: createApiServer(), ...parts })(
    compilePolicy(spec),
  );
  if (outcome.kind !== 'tested') throw new Error(`not tested: ${outcome.why}`);
  return { ...outcome.result, failed: outcome.result.failed.map(({ name }) => name) };
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
  ['mode Offline', { mode: 'Offline', jwks: { inline: '{"keys":[]}' } }],
  ['mode TokenReview', { mode: 'TokenReview' }],
  [
    'mode TokenReview with scopes and claims that our own token has not',
    {
      mode: 'TokenReview',
      requiredScopes: ['r'],
      requiredClaims: [{ claim: 'sub', values: ['system:serviceaccount:team-a:bot'] }],
    },
  ],
])('%s passes', async (_, spec) => {
  const { checks, ...result } = await run(spec);
  expect(result).toEqual({ configDigest: compilePolicy(spec).digest, failed: [] });
  expect(checks).toBeGreaterThanOrEqual(12);
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
const everything = {
  requiredScopes: ['r'],
  requiredClaims: [{ claim: 'groups', values: ['x'] }],
};

/** Every check of a verifier, and the cases that notice when it is gone. */
const checks: readonly (readonly [DenialReason, readonly string[]])[] = [
  ['token_malformed', ['garbage']],
  ['alg_not_allowed', ['alg-none', 'hs256-public-key']],
  ['signature_invalid', ['forged-signature']],
  ['issuer_mismatch', ['wrong-issuer']],
  ['audience_mismatch', ['wrong-audience', 'no-audience']],
  ['claim_invalid', ['no-expiry']],
  ['token_expired', ['expired']],
  ['token_not_yet_valid', ['not-yet-valid']],
  ['scope_insufficient', ['missing-scope']],
  ['claim_mismatch', ['missing-claim']],
];
const badTokens = checks.flatMap(([, cases]) => cases);

test.each(checks)('a verifier without the check for %s is found out', async (reason, cases) => {
  const { failed } = await run(everything, { buildVerifier: breakAt(reason, admitted) });
  expect(failed).toEqual(cases);
});

test.each(checks)(
  'a verifier that refuses for another reason than %s is found out',
  async (reason, cases) => {
    const { failed } = await run(everything, {
      buildVerifier: breakAt(reason, { kind: 'denied', reason: 'token_bound' }),
    });
    expect(failed).toEqual(cases);
  },
);

test.each<[string, (ports: VerifyPorts) => VerifyToken, readonly string[]]>([
  ['lets everything in', () => async () => admitted, badTokens],
  [
    'lets nothing in',
    () => async () => ({ kind: 'denied', reason: 'token_bound' }),
    ['good-token', ...badTokens],
  ],
  [
    'is never sure',
    () => async () => ({ kind: 'unavailable', retryAfterSeconds: 1 }),
    ['good-token', ...badTokens],
  ],
  [
    'throws',
    () => async () => {
      throw new Error('a bug');
    },
    ['good-token', ...badTokens],
  ],
])('a verifier that %s is found out', async (_, buildVerifier, failed) => {
  const result = await run(everything, { buildVerifier });
  expect(new Set(result.failed)).toEqual(new Set(failed));
});

test('claims that no token can have are found out', async () => {
  const policy = compilePolicy({});
  const verifier = {
    ...policy.verifier,
    requiredClaims: [{ claim: 'iss', values: ['https://other.example.com'] }],
  };
  const outcome = await createSelfTest({ clock })({ ...policy, verifier });
  expect(outcome).toMatchObject({
    kind: 'tested',
    result: { failed: [{ name: 'good-token' }, { name: 'missing-claim' }] },
  });
});

test.each<[string, Pick<CompiledPolicy, 'metadataURL'>]>([
  ['leads elsewhere', { metadataURL: 'https://elsewhere.example.com/.well-known/oauth-protected-resource' }],
  ['leads nowhere', { metadataURL: 'https://mcp.example.com/base/nothing' }],
  ['cannot be read', { metadataURL: 'https://mcp.example.com/"' }],
])('a challenge that %s is found out', async (_, change) => {
  const outcome = await createSelfTest({ clock })({ ...compilePolicy({}), ...change });
  expect(outcome).toMatchObject({ result: { failed: [{ name: 'challenge-and-metadata' }] } });
});

test.each<[string, Partial<ResourceMetadata>]>([
  ['another resource', { resource: 'https://mcp.example.com/other' }],
  ['another issuer', { authorization_servers: ['https://evil.example.com'] }],
  ['more issuers', { authorization_servers: [issuer, 'https://evil.example.com'] }],
])('metadata that names %s is found out', async (_, change) => {
  const policy = compilePolicy({});
  const metadata = { ...(policy.metadata as ResourceMetadata), ...change };
  const outcome = await createSelfTest({ clock })({ ...policy, metadata });
  expect(outcome).toMatchObject({ result: { failed: [{ name: 'challenge-and-metadata' }] } });
});

describe('mode TokenReview', () => {
  const spec = { mode: 'TokenReview' };
  const checksOfReview: readonly (readonly [DenialReason, readonly string[]])[] = [
    ['token_inactive', ['garbage', 'forged-signature']],
    ['alg_not_allowed', ['alg-none']],
    ['audience_mismatch', ['wrong-audience', 'no-audience']],
    ['issuer_mismatch', ['wrong-issuer']],
    ['token_expired', ['expired']],
  ];

  test.each(checksOfReview)('a verifier without the check for %s is found out', async (reason, cases) => {
    const { failed } = await run(spec, { buildVerifier: breakAt(reason, admitted) });
    expect(failed).toEqual(cases);
  });

  test('tokens that can be refused without the API server are not shown to it', async () => {
    const apiServer = createApiServer();
    await run(spec, { apiServer });
    expect(apiServer.reviewed).toHaveLength(3);
  });

  test('an API server that authenticates anything is found out', async () => {
    const apiServer = createApiServer();
    apiServer.answer({ kind: 'authenticated', username: 'u', audiences: ['a'] });
    expect((await run(spec, { apiServer })).failed).toEqual(['garbage', 'forged-signature']);
  });

  test('one that knows no audiences is found out', async () => {
    const apiServer = createApiServer();
    apiServer.answer({ kind: 'authenticated', username: 'u', audiences: [] });
    expect((await run(spec, { apiServer })).failed).toContain('good-token');
  });

  test('an issuer that is not the cluster’s is found out', async () => {
    expect((await run({ ...spec, issuer: 'https://other.example.com' })).failed).toContain('good-token');
  });

  test('an API server that cannot be asked leaves it open', async () => {
    const apiServer = createApiServer();
    apiServer.answer({ kind: 'failed', failure: 'Timeout' });
    const outcome = await createSelfTest({ clock, apiServer })(compilePolicy(spec));
    expect(outcome).toEqual({ kind: 'untested', why: 'Unavailable' });
  });

  test.each(['NoAccount', 'TokenRefused', 'Unavailable'] as const)(
    'without a token for the operator it is not tested (%s)',
    async (why) => {
      const apiServer = { ...createApiServer(), requestOwnToken: async () => ({ ok: false, why }) as const };
      const outcome = await createSelfTest({ clock, apiServer })(compilePolicy(spec));
      expect(outcome).toEqual({ kind: 'untested', why });
    },
  );
});
