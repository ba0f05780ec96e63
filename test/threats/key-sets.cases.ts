import { generateKeyPairSync } from 'node:crypto';
import { createSigner } from '../fixtures/token-forge.ts';
import { type Expected, goodClaims, type Signers } from './tokens.cases.ts';

/** What stands at the issuer, a token, and what that comes to. Mode TokenReview has no keys. */
export interface KeySetCase {
  readonly name: string;
  readonly keys: (signers: Signers) => readonly unknown[];
  readonly token: (signers: Signers) => string;
  readonly expected: Expected;
}

const byEc = ({ ec }: Signers): string => ec.sign({}, goodClaims);
const byEcWithoutKid = ({ ec }: Signers): string => ec.sign({ kid: undefined }, goodClaims);

/** An entry that must not be used, beside a good one. */
function beside(name: string, odd: (signers: Signers) => unknown): KeySetCase {
  return {
    name: `${name}, beside a good key`,
    keys: (signers) => [odd(signers), signers.ec.publicJwk],
    token: byEc,
    expected: 'admitted',
  };
}

/** The token's own key, spoilt; another one stays good, so that it can be decided. */
function spoilt(name: string, change: object): KeySetCase {
  return {
    name,
    keys: ({ ec, rsa }) => [{ ...ec.publicJwk, ...change }, rsa.publicJwk],
    token: byEc,
    expected: 'key_not_found',
  };
}

/** Their tokens are signed by the very key that is refused: what keeps them out is its weakness alone. */
const weak = await createSigner('RS256', { modulusLength: 1024, kid: 'weak' });
const { publicKey: smallExponent } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });

export const keySetCases: readonly KeySetCase[] = [
  { name: 'good: the key alone', keys: ({ ec }) => [ec.publicJwk], token: byEc, expected: 'admitted' },
  {
    name: 'H4 a key without alg fits the algorithms of its kind',
    keys: ({ ec }) => [{ ...ec.publicJwk, alg: undefined }],
    token: byEc,
    expected: 'admitted',
  },
  {
    name: 'H4 a key without alg fits no other kind',
    keys: ({ rsa }) => [{ ...rsa.publicJwk, alg: undefined }],
    token: ({ rsa }) => rsa.sign({ alg: 'ES256' }, goodClaims),
    expected: 'key_not_found',
  },
  {
    name: 'H10 no kid, one key fits',
    keys: ({ ec, rsa }) => [ec.publicJwk, rsa.publicJwk],
    token: byEcWithoutKid,
    expected: 'admitted',
  },
  {
    name: 'H10 no kid, two keys fit',
    keys: ({ ec, stranger }) => [ec.publicJwk, stranger.publicJwk],
    token: byEcWithoutKid,
    expected: 'key_not_found',
  },
  {
    name: 'H11 two keys with the kid of the token',
    keys: ({ ec, forger, rsa }) => [ec.publicJwk, forger.publicJwk, rsa.publicJwk],
    token: byEc,
    expected: 'key_not_found',
  },
  {
    name: 'H11 and the other one is not taken either',
    keys: ({ ec, forger, rsa }) => [ec.publicJwk, forger.publicJwk, rsa.publicJwk],
    token: ({ forger }) => forger.sign({}, goodClaims),
    expected: 'key_not_found',
  },
  beside('H12 null', () => null),
  beside('H12 an unknown kty', () => ({ kty: 'LWE', kid: 'x' })),
  beside('H12 a symmetric key', () => ({ kty: 'oct', k: 'c2VjcmV0', kid: 'x' })),
  beside('H12 a private key', ({ stranger }) => stranger.privateJwk),
  beside('H12 a key for encryption', ({ rsa }) => ({ ...rsa.publicJwk, use: 'enc' })),
  spoilt('H12 a key for encryption', { use: 'enc' }),
  spoilt('H12 a key for other operations', { use: undefined, key_ops: ['deriveKey'] }),
  spoilt('H12 a key with its private half', { d: 'AAAA' }),
  spoilt('H12 a point off the curve', { y: 'A'.repeat(43) }),
  beside('H13 RSA of 1024 bits', () => weak.publicJwk),
  {
    name: 'H13 RSA of 1024 bits',
    keys: ({ ec }) => [weak.publicJwk, ec.publicJwk],
    token: () => weak.sign({}, goodClaims),
    expected: 'key_not_found',
  },
  beside('H13 RSA with exponent 3', () => ({ ...smallExponent.export({ format: 'jwk' }), kid: 'weak' })),
  spoilt('H5 a key for another algorithm', { alg: 'ES384' }),
  {
    name: 'H5 an RS256 key for PS256',
    keys: ({ rsa }) => [rsa.publicJwk],
    token: ({ rsa }) => rsa.sign({ alg: 'PS256' }, goodClaims),
    expected: 'key_not_found',
  },
];
