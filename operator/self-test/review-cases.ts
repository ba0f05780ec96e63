import type { Untested } from '../policy/observation.ts';
import type { TokenReviewConfig } from '../policy/verifier-config.ts';
import { claimFlaws, foreignValue, lifetimeSeconds, type SelfTestCase } from './cases.ts';
import type { ThrowawayKey } from './throwaway-key.ts';

/** Asks the API server for a short-lived token for the operator's own ServiceAccount (TokenRequest). Never rejects. */
export type RequestOwnToken = (
  audience: string,
) => Promise<{ readonly ok: true; readonly token: string } | { readonly ok: false; readonly why: Untested }>;

export type ReviewCases =
  | { readonly ok: true; readonly cases: readonly SelfTestCase[] }
  | { readonly ok: false; readonly why: Untested };

/**
 * The cases for a configuration whose tokens the API server reviews. Good tokens are real ones, for the operator's own
 * ServiceAccount; scopes and claims that such a token cannot have are not required of the good one.
 *
 * @param stranger - a key that the API server does not know, for tokens that must be refused before it is asked.
 */
export async function buildReviewCases(
  config: TokenReviewConfig,
  requestToken: RequestOwnToken,
  stranger: ThrowawayKey,
  nowSeconds: number,
): Promise<ReviewCases> {
  const good = await requestToken(config.audiences[0] ?? '');
  if (!good.ok) return good;
  const foreign = await requestToken(foreignValue(config.audiences));
  if (!foreign.ok) return foreign;
  const claims = {
    iss: config.issuer,
    aud: config.audiences[0],
    sub: 'self-test',
    iat: nowSeconds,
    exp: nowSeconds + lifetimeSeconds,
  };
  const flaws = claimFlaws(config, nowSeconds).filter(({ name }) => name !== 'wrong-audience');
  const requireNothing = { requiredScopes: [], requiredClaims: [] };
  const cases: readonly SelfTestCase[] = [
    { name: 'good-token', token: good.token, expected: 'admitted', requirements: requireNothing },
    { name: 'no-token', token: undefined, expected: 'token_missing' },
    { name: 'garbage', token: 'garbage', expected: 'token_inactive' },
    { name: 'alg-none', token: stranger.unsigned(claims), expected: 'alg_not_allowed' },
    { name: 'forged-signature', token: garbleSignature(good.token), expected: 'token_inactive' },
    { name: 'wrong-audience', token: foreign.token, expected: 'audience_mismatch' },
    ...(await Promise.all(
      flaws.map(async ({ name, change, expected }) => ({
        name,
        token: await stranger.sign({ ...claims, ...change }),
        expected,
      })),
    )),
    ...(config.requiredScopes.length === 0
      ? []
      : [
          {
            name: 'missing-scope',
            token: good.token,
            expected: 'scope_insufficient',
            requirements: { requiredClaims: [] },
          } as const,
        ]),
  ];
  return { ok: true, cases };
}

/** The same token with another signature of the same form. */
function garbleSignature(token: string): string {
  const at = token.lastIndexOf('.') + 1;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}
