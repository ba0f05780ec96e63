import { beforeAll, expect, test } from 'vitest';
import { createStaticKeySource } from '../../operator/keys/static-key-source.ts';
import type { JwtVerifierConfig, TokenReviewConfig } from '../../operator/policy/verifier-config.ts';
import { createReviewMemory } from '../../operator/verify/review-memory.ts';
import type { ReviewOutcome } from '../../operator/verify/review-token.ts';
import type { Verdict } from '../../operator/verify/verdict.ts';
import { createTokenVerifier, type VerifyToken } from '../../operator/verify/verify-token.ts';
import { holdClock } from '../fixtures/held-clock.ts';
import { createStandInApiServer } from '../fixtures/stand-in-api-server.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import {
  audience,
  baseRules,
  goodClaims,
  issuer,
  nowSeconds,
  type Signers,
} from '../threats/tokens.cases.ts';

let signers: Signers;
let verify: VerifyToken;

beforeAll(async () => {
  const ec = await createSigner('ES256');
  signers = {
    ec,
    rsa: await createSigner('RS256'),
    ed: await createSigner('EdDSA'),
    forger: await createSigner('ES256', { kid: ec.kid }),
    stranger: await createSigner('ES256'),
  };
  const keys = [signers.rsa, signers.ec, signers.ed].map(({ publicJwk }) => publicJwk);
  const source = createStaticKeySource({ kind: 'static', id: 'test', jwks: JSON.stringify({ keys }) });
  verify = createTokenVerifier({ findKeySource: () => source, clock: holdClock(nowSeconds * 1000) });
});

const config: JwtVerifierConfig = {
  mode: 'OIDC',
  ...baseRules,
  keySource: { kind: 'static', id: 'test', jwks: '' },
};

test('the principal is what the token says, and nothing else of it', async () => {
  const verdict = await verify(signers.ec.sign({}, { ...goodClaims, scope: 'a  b', email: 'x' }), config);
  expect(verdict).toEqual({
    kind: 'admitted',
    principal: {
      issuer,
      subject: 'alice',
      clientId: 'cli',
      audiences: [audience],
      scopes: ['a', 'b'],
      expiresAt: nowSeconds + 300,
    },
  });
});

test('without a key source the token cannot be decided', async () => {
  const verifyWithout = createTokenVerifier({
    findKeySource: () => undefined,
    clock: holdClock(nowSeconds * 1000),
  });
  expect(await verifyWithout(signers.ec.sign({}, goodClaims), config)).toMatchObject({ kind: 'unavailable' });
});

const api = createStandInApiServer(
  { issuer, signer: await createSigner('RS256'), clock: holdClock(nowSeconds * 1000) },
  { 'an-opaque-token': [audience], 'another.with.dots': ['other'] },
);
const review: TokenReviewConfig = { mode: 'TokenReview', ...baseRules, namespace: 'a', policy: 'a/x' };

/** Fresh, so that nothing is remembered of the last test. */
function verifyByReview(token: string, change: Partial<TokenReviewConfig> = {}): Promise<Verdict> {
  const clock = holdClock(nowSeconds * 1000);
  const reviews = createReviewMemory(api.review, clock);
  return createTokenVerifier({ findKeySource: () => undefined, reviews, clock })(token, {
    ...review,
    ...change,
  });
}

test('a token that only the API server can read is let in for ten minutes, as whom it says', async () => {
  expect(await verifyByReview('an-opaque-token')).toEqual({
    kind: 'admitted',
    principal: {
      issuer,
      subject: 'opaque-user',
      audiences: [audience],
      scopes: [],
      expiresAt: nowSeconds + 600,
    },
  });
});

test('a JWT is let in as whom the API server says, with the scopes that it says itself', async () => {
  api.answer({ kind: 'authenticated', username: 'someone', audiences: [audience] });
  const token = signers.ec.sign({}, { ...goodClaims, scope: 'r', aud: [audience, 'more'] });
  expect(await verifyByReview(token)).toMatchObject({
    principal: { subject: 'someone', audiences: [audience], scopes: ['r'], expiresAt: nowSeconds + 300 },
  });
  api.answer(undefined);
});

test('an opaque token has no scopes and no claims', async () => {
  const lack = await verifyByReview('an-opaque-token', { requiredScopes: ['r'] });
  expect(lack).toEqual({ kind: 'denied', reason: 'scope_insufficient' });
  const requiredClaims = [{ claim: 'sub', values: ['opaque-user'] }];
  expect(await verifyByReview('an-opaque-token', { requiredClaims })).toMatchObject({
    reason: 'claim_mismatch',
  });
});

test.each<[string, ReviewOutcome, Verdict]>([
  [
    'for no audience of the policy',
    { kind: 'authenticated', username: 'u', audiences: ['https://kubernetes.default.svc'] },
    { kind: 'denied', reason: 'audience_mismatch' },
  ],
  [
    'without audiences',
    { kind: 'authenticated', username: 'u', audiences: [] },
    { kind: 'denied', reason: 'audience_mismatch' },
  ],
  [
    'of a user with a name that is none',
    { kind: 'authenticated', username: 'a\nb', audiences: [audience] },
    { kind: 'denied', reason: 'claim_invalid' },
  ],
  ['no', { kind: 'not-authenticated' }, { kind: 'denied', reason: 'token_inactive' }],
  [
    'none, with a time to come again',
    { kind: 'failed', failure: 'HTTPError', retryAfterSeconds: 17 },
    { kind: 'unavailable', retryAfterSeconds: 17 },
  ],
  [
    'none, with a time far away',
    { kind: 'failed', failure: 'HTTPError', retryAfterSeconds: 99_999_999 },
    { kind: 'unavailable', retryAfterSeconds: 60 },
  ],
  ['none', { kind: 'failed', failure: 'Forbidden' }, { kind: 'unavailable', retryAfterSeconds: 5 }],
])('an answer %s', async (_, outcome, verdict) => {
  api.answer(outcome);
  expect(await verifyByReview('an-opaque-token')).toEqual(verdict);
  api.answer(undefined);
});

test.each([
  ['too large', 'x'.repeat(8193)],
  ['a JWT with padding', `${Buffer.from('{"alg":"RS256"}').toString('base64')}==.e30.AA`],
  ['a JWT with white space before it', `${Buffer.from(' {"alg":"RS256"}').toString('base64url')}.e30`],
])('a token that is %s is never shown to the API server', async (_, token) => {
  const before = api.reviewed.length;
  expect(await verifyByReview(token)).toMatchObject({ kind: 'denied' });
  expect(api.reviewed).toHaveLength(before);
});

test('without an API server a review cannot be had', async () => {
  const verifyWithout = createTokenVerifier({
    findKeySource: () => undefined,
    clock: holdClock(nowSeconds * 1000),
  });
  expect(await verifyWithout('an-opaque-token', review)).toMatchObject({ kind: 'unavailable' });
});
