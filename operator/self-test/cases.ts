import type { DecisionReason } from '../http/decision-reason.ts';
import type { TokenRules } from '../policy/verifier-config.ts';

/** One request of a self-test and the only decision that passes. */
export interface SelfTestCase {
  readonly name: string;
  /** Undefined: no token is sent. */
  readonly token: string | undefined;
  readonly expected: DecisionReason;
  /** What the policy requires beyond a good token, where the case needs something else there than what it says. */
  readonly requirements?: Partial<Pick<TokenRules, 'requiredScopes' | 'requiredClaims'>>;
}

export type Claims = Readonly<Record<string, unknown>>;

export const lifetimeSeconds = 300;

/** What makes a good token bad, each in one thing only, and the reason for which it must be refused. */
export interface Flaw {
  readonly name: string;
  readonly change: Claims;
  readonly expected: DecisionReason;
}

/** Flaws that the claims of any JWT can have. A member that is undefined is left out. */
export function claimFlaws(rules: TokenRules, nowSeconds: number): readonly Flaw[] {
  const expired = nowSeconds - rules.clockSkewSeconds - 1;
  const early = nowSeconds + rules.clockSkewSeconds + lifetimeSeconds;
  return [
    { name: 'wrong-issuer', change: { iss: `${rules.issuer}/` }, expected: 'issuer_mismatch' },
    {
      name: 'wrong-audience',
      change: { aud: foreignValue(rules.audiences) },
      expected: 'audience_mismatch',
    },
    { name: 'no-audience', change: { aud: undefined }, expected: 'audience_mismatch' },
    { name: 'no-expiry', change: { exp: undefined }, expected: 'claim_invalid' },
    { name: 'expired', change: { iat: expired - lifetimeSeconds, exp: expired }, expected: 'token_expired' },
    { name: 'not-yet-valid', change: { nbf: early }, expected: 'token_not_yet_valid' },
  ];
}

/** A short one, however many and long the accepted ones are: the token must not be refused for its size. */
export function foreignValue(accepted: readonly string[]): string {
  const candidates = Array.from({ length: accepted.length + 1 }, (_, index) => 'x'.repeat(index + 1));
  return candidates.find((candidate) => !accepted.includes(candidate)) ?? '';
}
