import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import type { VerificationKey } from './key-source.ts';
import { isWeakModulus } from './weak-modulus.ts';

type Jwk = Readonly<Record<string, unknown>>;

const maxKidLength = 256;

/** RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2: the kind of key that each algorithm is for. */
const kinds: ReadonlyMap<string, string> = new Map([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, 'RSA'] as const),
  ['ES256', 'EC P-256'],
  ['ES384', 'EC P-384'],
  ['ES512', 'EC P-521'],
  ['EdDSA', 'OKP Ed25519'],
  ['Ed25519', 'OKP Ed25519'],
]);

/** Whether this is an algorithm for that kind of key, and the key's own `alg`, when it says one, does not object. */
export function fitsAlgorithm({ alg: own, kty, crv }: Omit<VerificationKey, 'key'>, alg: string): boolean {
  if (own !== undefined && nameOf(own) !== nameOf(alg)) return false;
  return kinds.get(alg) === (kty === 'RSA' ? kty : `${kty} ${crv}`);
}

/** `Ed25519` is the newer name of what `EdDSA` means for keys of that curve. */
function nameOf(alg: string): string {
  return alg === 'EdDSA' ? 'Ed25519' : alg;
}

/**
 * Reads one entry of a key set (RFC 7517 section 4). Undefined when it is not a public key for signatures, or one too
 * weak or too costly to be checked with.
 */
export function readPublicJwk(entry: unknown): VerificationKey | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined;
  const jwk = entry as Jwk;
  const description = isForVerifying(jwk) ? describe(jwk) : undefined;
  if (description === undefined || ![...kinds.keys()].some((alg) => fitsAlgorithm(description, alg)))
    return undefined;
  const key = importKey(jwk);
  return key === undefined ? undefined : { ...description, key };
}

/** RFC 7517 sections 4.2 and 4.3. A private key in public is a mistake and no key to trust (RFC 7518 section 6). */
function isForVerifying({ use, key_ops: operations, ...members }: Jwk): boolean {
  if (use !== undefined && use !== 'sig') return false;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return false;
  return ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].every((name) => members[name] === undefined);
}

function describe({ kid, alg, kty, crv }: Jwk): Omit<VerificationKey, 'key'> | undefined {
  const isNamed = kid === undefined || (typeof kid === 'string' && kid.length <= maxKidLength);
  if (!isNamed || (alg !== undefined && typeof alg !== 'string')) return undefined;
  // A copy: what was cut out of the document would keep the whole document in memory.
  const names = {
    ...(kid === undefined ? {} : { kid: Buffer.from(kid).toString() }),
    ...(alg === undefined ? {} : { alg: Buffer.from(alg).toString() }),
  };
  if (kty === 'RSA') return { ...names, kty };
  const isCurve = (kty === 'EC' || kty === 'OKP') && typeof crv === 'string';
  return isCurve ? { ...names, kty, crv } : undefined;
}

function importKey({ kty, crv, n, e, x, y }: Jwk): KeyObject | undefined {
  const members = kty === 'RSA' ? { kty, n, e } : kty === 'EC' ? { kty, crv, x, y } : { kty, crv, x };
  // Node would skip characters that do not belong there.
  if (!Object.values(members).every(isBase64Url)) return undefined;
  try {
    const key = createPublicKey({ key: members as JsonWebKeyInput['key'], format: 'jwk' });
    return kty !== 'RSA' || isGoodRsaKey(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** True of the names of types and curves as well. */
function isBase64Url(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]+$/.test(value);
}

/** Exponents below this have been broken in practice; above the other, a check costs more than it should. */
const minExponent = 65_537n;
const maxExponent = 2n ** 64n;

/** RFC 7518 section 3.3 and an upper bound, because the cost of a check grows with the square of the size. */
function isGoodRsaKey(key: KeyObject): boolean {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const isOfGoodSize = modulusLength >= 2048 && modulusLength <= 8192;
  const isGoodExponent =
    publicExponent >= minExponent && publicExponent < maxExponent && publicExponent % 2n === 1n;
  return isOfGoodSize && isGoodExponent && !isWeakModulus(readModulus(key));
}

function readModulus(key: KeyObject): bigint {
  const { n = '' } = key.export({ format: 'jwk' });
  return BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}
