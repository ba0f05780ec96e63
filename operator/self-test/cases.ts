import type { DecisionReason } from '../http/decision-reason.ts';
import type { JwtVerifierConfig, RequiredClaim } from '../policy/verifier-config.ts';
import { foreignPayloadTypes, isSubject } from '../verify/claims.ts';
import type { ThrowawayKey } from './throwaway-key.ts';

/** One request of a self-test and the only decision that passes. */
export interface SelfTestCase {
  readonly name: string;
  /** Undefined: no token is sent. */
  readonly token: string | undefined;
  readonly expected: DecisionReason;
}

export interface SelfTestKeys {
  /** The issuer's key, as the verifier under test knows it. */
  readonly issuer: ThrowawayKey;
  /** Another key under the same `kid`. */
  readonly forger: ThrowawayKey;
}

const lifetimeSeconds = 300;

/** The cases for one configuration. A bad token differs from the good one in one thing only. */
export async function buildCases(
  config: JwtVerifierConfig,
  { issuer, forger }: SelfTestKeys,
  nowSeconds: number,
): Promise<readonly SelfTestCase[]> {
  const good = goodClaims(config, nowSeconds);
  const expired = nowSeconds - config.clockSkewSeconds - 1;
  return [
    { name: 'good-token', token: await issuer.sign(good), expected: 'admitted' },
    { name: 'no-token', token: undefined, expected: 'token_missing' },
    { name: 'forged-signature', token: await forger.sign(good), expected: 'signature_invalid' },
    {
      name: 'wrong-audience',
      token: await issuer.sign({ ...good, aud: foreignAudience(config.audiences) }),
      expected: 'audience_mismatch',
    },
    {
      name: 'expired',
      token: await issuer.sign({ ...good, iat: expired - lifetimeSeconds, exp: expired }),
      expected: 'token_expired',
    },
  ];
}

/** A short one, however many and long the accepted ones are: the token must not be refused for its size. */
function foreignAudience(audiences: readonly string[]): string {
  const candidates = Array.from({ length: audiences.length + 1 }, (_, index) => 'x'.repeat(index + 1));
  return candidates.find((candidate) => !audiences.includes(candidate)) ?? '';
}

/** The first accepted value that a good token can have: an author may list some that no token can. */
function possibleValue({ claim, values }: RequiredClaim): string | undefined {
  const isPossible = (value: string): boolean => {
    if (!value.isWellFormed()) return false;
    if (claim === 'sub') return isSubject(value);
    return claim !== 'typ' || !foreignPayloadTypes.includes(value);
  };
  return values.find(isPossible) ?? values[0];
}

/** Claims that satisfy everything the configuration asks for. */
function goodClaims(config: JwtVerifierConfig, nowSeconds: number): Readonly<Record<string, unknown>> {
  return {
    sub: 'self-test',
    ...Object.fromEntries(config.requiredClaims.map((required) => [required.claim, possibleValue(required)])),
    iss: config.issuer,
    aud: config.audiences[0],
    iat: nowSeconds,
    exp: nowSeconds + lifetimeSeconds,
    ...(config.requiredScopes.length === 0 ? {} : { scope: config.requiredScopes.join(' ') }),
  };
}
