import type { JwtVerifierConfig, RequiredClaim } from '../policy/verifier-config.ts';
import { foreignPayloadTypes, isSubject } from '../verify/claims.ts';
import {
  type Claims,
  claimFlaws,
  type Flaw,
  foreignValue,
  lifetimeSeconds,
  type SelfTestCase,
} from './cases.ts';
import type { ThrowawayKey } from './throwaway-key.ts';

export interface SelfTestKeys {
  /** The issuer's key, as the verifier under test knows it. */
  readonly issuer: ThrowawayKey;
  /** Another key under the same `kid`. */
  readonly forger: ThrowawayKey;
}

/** The cases for a configuration that checks signatures. */
export async function buildJwtCases(
  config: JwtVerifierConfig,
  { issuer, forger }: SelfTestKeys,
  nowSeconds: number,
): Promise<readonly SelfTestCase[]> {
  const good = goodClaims(config, nowSeconds);
  const flaws = [...claimFlaws(config, nowSeconds), ...requirementFlaws(config)];
  return [
    { name: 'good-token', token: await issuer.sign(good), expected: 'admitted' },
    { name: 'no-token', token: undefined, expected: 'token_missing' },
    { name: 'garbage', token: 'garbage', expected: 'token_malformed' },
    { name: 'alg-none', token: issuer.unsigned(good), expected: 'alg_not_allowed' },
    { name: 'hs256-public-key', token: issuer.signWithPublicKey(good), expected: 'alg_not_allowed' },
    { name: 'forged-signature', token: await forger.sign(good), expected: 'signature_invalid' },
    ...(await Promise.all(
      flaws.map(async ({ name, change, expected }) => ({
        name,
        token: await issuer.sign({ ...good, ...change }),
        expected,
      })),
    )),
  ];
}

function requirementFlaws({ requiredScopes, requiredClaims }: JwtVerifierConfig): readonly Flaw[] {
  const [required] = requiredClaims;
  return [
    ...(requiredScopes.length === 0
      ? []
      : [{ name: 'missing-scope', change: { scope: undefined }, expected: 'scope_insufficient' } as const]),
    ...(required === undefined
      ? []
      : [
          {
            name: 'missing-claim',
            change: { [required.claim]: foreignValue(required.values) },
            expected: 'claim_mismatch',
          } as const,
        ]),
  ];
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
function goodClaims(config: JwtVerifierConfig, nowSeconds: number): Claims {
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
