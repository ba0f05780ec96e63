import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { parseStrictJson } from '../json/strict-json.ts';
import type { KeyFailure, VerificationKey } from './key-source.ts';

export type KeySetOutcome =
  | { readonly ok: true; readonly keys: readonly VerificationKey[]; readonly digest: string }
  | { readonly ok: false; readonly failure: KeyFailure };

/** Bytes of a key set that are read at most. */
export const MAX_KEY_SET_BYTES = 256 * 1024;
const MAX_KEYS = 100;
const MAX_KID_LENGTH = 256;

type Jwk = Readonly<Record<string, unknown>>;

/**
 * Reads a JWK Set (RFC 7517 section 5). Entries that cannot verify signatures, or must not, are left out and do not harm
 * the others; of two keys with one `kid` neither is used, since which one is meant would be a guess.
 */
export function readKeySet(body: Uint8Array): KeySetOutcome {
  const parsed = parseStrictJson(body);
  const entries = parsed.ok ? (parsed.value as { readonly keys?: unknown } | null)?.keys : undefined;
  if (!Array.isArray(entries)) return { ok: false, failure: 'InvalidDocument' };
  if (entries.length > MAX_KEYS) return { ok: false, failure: 'TooLarge' };
  const kids = entries.map((entry: Jwk | null) => entry?.kid).filter((kid) => kid !== undefined);
  const doubled = new Set<unknown>(kids.filter((kid, index) => kids.indexOf(kid) !== index));
  const keys = entries.map(readKey).filter((key) => key !== undefined && !doubled.has(key.kid)) as VerificationKey[];
  return { ok: true, keys, digest: digestKeys(keys) };
}

/**
 * The keys that may verify a token with this `kid` and `alg` (RFC 7515 section 4.1.4). Without `kid` only a single
 * fitting key is beyond doubt.
 */
export function selectKeys(
  keys: readonly VerificationKey[],
  { kid, alg }: { readonly kid?: string; readonly alg: string },
): readonly VerificationKey[] {
  const fitting = keys.filter((key) => fits(key, alg));
  if (kid !== undefined) return fitting.filter((key) => key.kid === kid);
  return fitting.length === 1 ? fitting : [];
}

/** RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864: which key goes with which algorithm. */
const CURVES: Readonly<Record<string, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
  Ed25519: 'Ed25519',
};

function fits({ alg: only, kty, crv }: VerificationKey, alg: string): boolean {
  const isEdwards = alg === 'EdDSA' || alg === 'Ed25519';
  // `Ed25519` is the newer name of what `EdDSA` means for these keys.
  if (only !== undefined && only !== alg && !(isEdwards && (only === 'EdDSA' || only === 'Ed25519'))) return false;
  if (/^[RP]S/.test(alg)) return kty === 'RSA';
  return crv !== undefined && crv === CURVES[alg];
}

function readKey(entry: unknown): VerificationKey | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined;
  const jwk = entry as Jwk;
  const { kid, alg, kty, crv } = jwk;
  const isNamed = kid === undefined || (typeof kid === 'string' && kid.length <= MAX_KID_LENGTH);
  if (!isNamed || (alg !== undefined && typeof alg !== 'string') || !isForSignatures(jwk)) return undefined;
  const key = importKey(jwk);
  if (key === undefined) return undefined;
  return {
    ...(kid === undefined ? {} : { kid }),
    ...(alg === undefined ? {} : { alg }),
    kty: kty as VerificationKey['kty'],
    ...(typeof crv === 'string' && kty !== 'RSA' ? { crv } : {}),
    key,
  };
}

/** RFC 7517 sections 4.2 and 4.3. A private key in public is a mistake, and no key to trust. */
function isForSignatures({ use, key_ops: operations, d, k }: Jwk): boolean {
  if (use !== undefined && use !== 'sig') return false;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return false;
  return d === undefined && k === undefined;
}

function importKey({ kty, crv, n, e, x, y }: Jwk): KeyObject | undefined {
  const members =
    kty === 'RSA' ? { kty, n, e } : kty === 'EC' ? { kty, crv, x, y } : kty === 'OKP' ? { kty, crv, x } : undefined;
  if (members === undefined) return undefined;
  try {
    const key = createPublicKey({ key: members as JsonWebKey, format: 'jwk' });
    return isStrong(key) && (kty === 'RSA' || Object.values(CURVES).includes(crv as string)) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 7518 section 3.3, and an upper bound because checking costs. Exponents below 65537 have been broken in practice. */
function isStrong({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): boolean {
  if (asymmetricKeyType !== 'rsa') return true;
  const { modulusLength = 0, publicExponent = 0n } = details ?? {};
  return modulusLength >= 2048 && modulusLength <= 8192 && publicExponent >= 65_537n && publicExponent % 2n === 1n;
}

function digestKeys(keys: readonly VerificationKey[]): string {
  const lines = keys.map(({ kid, alg, key }) => JSON.stringify([kid, alg, key.export({ format: 'jwk' })])).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
}
