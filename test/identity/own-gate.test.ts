import { expect, test } from 'vitest';
import { createIdentify } from '../../operator/identity/identify.ts';
import type { JwtVerifierConfig, TokenRules } from '../../operator/policy/verifier-config.ts';
import { createReviewMemory } from '../../operator/verify/review-memory.ts';
import { createTokenVerifier } from '../../operator/verify/verify-token.ts';
import { createKeys, writeKey } from '../fixtures/assertion-keys.ts';
import { holdClock } from '../fixtures/held-clock.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { nowSeconds } from '../threats/tokens.cases.ts';
import { createOffline } from '../threats/verifiers.ts';

const publicURL = 'https://mcp.example.com';
const audience = 'mcpauth.dev/policies/team-a/x';
const clock = holdClock(nowSeconds * 1000);

/** A tenant's policy that trusts us, our keys and our audience: as good as it gets for who has caught an assertion. */
const rules: Omit<TokenRules, 'tokenType'> = {
  issuer: publicURL,
  audiences: [audience],
  algorithms: ['ES256', 'EdDSA', 'Ed25519', 'RS256'],
  clockSkewSeconds: 60,
  requiredScopes: [],
  requiredClaims: [],
  maxTokenBytes: 8192,
};

const tokenTypes = ['AccessToken', 'Any'] as const;

async function makeAssertion() {
  const keys = await createKeys({ 'current.pem': writeKey() });
  const identify = createIdentify({
    currentKeys: () => keys,
    currentPublicURL: () => publicURL,
    clock,
    createId: () => 'id',
  });
  const headers = await identify({
    policy: {
      namespace: 'team-a',
      name: 'x',
      resource: `${publicURL}/team-a/x/mcp`,
      verifier: { mode: 'deny' },
    },
    principal: { issuer: 'i', subject: 'alice', audiences: [], scopes: [], expiresAt: nowSeconds + 300 },
  });
  return { assertion: new Map(headers).get('Mcp-Auth-Assertion') ?? '', keys };
}

test.each(tokenTypes)(
  'an assertion opens no policy that trusts our keys, with tokenType %s',
  async (tokenType) => {
    const { assertion, keys } = await makeAssertion();
    const { verify, config } = createOffline(keys.published?.keys ?? []);
    const trusting = { ...(config as JwtVerifierConfig), ...rules, tokenType };
    expect(await verify(assertion, trusting)).toEqual({ kind: 'denied', reason: 'type_not_allowed' });
  },
);

test('but a token that differs in nothing but its type would open it', async () => {
  const signer = await createSigner('ES256');
  const { verify, config } = createOffline([signer.publicJwk]);
  const { assertion } = await makeAssertion();
  const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString());
  const trusting = { ...(config as JwtVerifierConfig), ...rules, tokenType: 'Any' } as const;
  expect(await verify(signer.sign({ typ: 'other' }, claims), trusting)).toMatchObject({ kind: 'admitted' });
});

test.each(tokenTypes)(
  'nor is it shown to the API server in mode TokenReview, with tokenType %s',
  async (tokenType) => {
    const { assertion } = await makeAssertion();
    const review = async (): Promise<never> => expect.unreachable('the API server was asked');
    const verify = createTokenVerifier({
      findKeySource: () => undefined,
      reviews: createReviewMemory(review, clock),
      clock,
    });
    const config = { mode: 'TokenReview', ...rules, tokenType, namespace: 'a', policy: 'a/x' } as const;
    expect(await verify(assertion, config)).toEqual({ kind: 'denied', reason: 'type_not_allowed' });
  },
);
