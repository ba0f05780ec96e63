import { expect, test } from 'vitest';
import { observeApiServer, observeKeys } from '../../operator/enforcement/issuer-observation.ts';
import { createStaticKeySource } from '../../operator/keys/static-key-source.ts';
import type { ClusterFacts } from '../../operator/policy/inputs.ts';
import type { IssuerObservation } from '../../operator/policy/observation.ts';
import type { JwtVerifierConfig, TokenReviewConfig } from '../../operator/policy/verifier-config.ts';
import type { ApiServerState } from '../../operator/verify/api-server-health.ts';
import { createSigner } from '../fixtures/token-forge.ts';

const one = (await createSigner('ES256', { kid: 'one' })).publicJwk;
const two = (await createSigner('ES256', { kid: 'two' })).publicJwk;
const rsa = (await createSigner('RS256', { kid: 'rsa' })).publicJwk;
const anonymous = (jwk: typeof one) => ({ ...jwk, kid: undefined });
const config = { algorithms: ['ES256'] } as unknown as JwtVerifierConfig;

function observe(...keys: readonly object[]) {
  return observeKeys(
    createStaticKeySource({ kind: 'static', id: 'x', jwks: JSON.stringify({ keys }) }),
    config,
  );
}

test('only keys that a token can be verified with are counted', () => {
  expect(observe(one, two, rsa)).toMatchObject({ kind: 'loaded', keys: 2 });
  expect(observe(anonymous(one))).toMatchObject({ kind: 'loaded', keys: 1 });
  expect(observe(anonymous(one), rsa)).toMatchObject({ kind: 'loaded', keys: 1 });
});

test.each([
  ['of other algorithms', [rsa]],
  ['that no token can mean', [anonymous(one), anonymous(two)]],
  ['in an empty set', []],
])('keys %s are no usable keys', (_, keys) => {
  expect(observe(...keys)).toEqual({ kind: 'failed', reason: 'NoUsableKeys' });
});

test('no source yet is pending', () => {
  expect(observeKeys(undefined, config)).toEqual({ kind: 'pending' });
});

const review = { issuer: 'https://cluster.example.com' } as unknown as TokenReviewConfig;
const cluster: ClusterFacts = { reviewsTokens: true, audiences: [] };

test.each<[string, ApiServerState, ClusterFacts, IssuerObservation]>([
  ['not asked yet', { tried: false }, cluster, { kind: 'pending' }],
  [
    'that does not let us',
    { tried: true, failure: 'Forbidden' },
    cluster,
    { kind: 'unanswered', reason: 'Forbidden' },
  ],
  ['that answers', { tried: true }, cluster, { kind: 'answered' }],
  [
    'that answers, of the policy’s issuer',
    { tried: true },
    { ...cluster, issuer: review.issuer },
    { kind: 'answered' },
  ],
  [
    'that answers, of another issuer',
    { tried: true },
    { ...cluster, issuer: `${review.issuer}/` },
    { kind: 'unanswered', reason: 'IssuerMismatch' },
  ],
])('an API server %s', (_, state, facts, expected) => {
  expect(observeApiServer(state, review, facts)).toEqual(expected);
});
