import { createHash } from 'node:crypto';
import { parseStrictJson } from '../json/strict-json.ts';
import type { KeyFailure, VerificationKey } from './key-source.ts';
import { fitsAlgorithm, readPublicJwk } from './public-jwk.ts';

export type KeySetOutcome =
  /** `keys` may be empty; `digest` does not depend on their order. */
  | { readonly ok: true; readonly keys: readonly VerificationKey[]; readonly digest: string }
  | { readonly ok: false; readonly failure: KeyFailure };

/** Bytes of a key set that are read at most. */
export const maxKeySetBytes = 256 * 1024;
const maxKeys = 100;

/**
 * Reads a JWK Set (RFC 7517 section 5). Entries that cannot verify signatures, or must not, are left out and do not harm
 * the others; of two keys with one `kid` neither is used, since which one is meant would be a guess.
 */
export function readKeySet(body: Uint8Array): KeySetOutcome {
  const parsed = parseStrictJson(body);
  const entries = parsed.ok ? (parsed.value as { readonly keys?: unknown } | null)?.keys : undefined;
  if (!Array.isArray(entries)) return { ok: false, failure: 'InvalidDocument' };
  if (entries.length > maxKeys) return { ok: false, failure: 'TooLarge' };
  const usable = entries.map(readPublicJwk).filter((key) => key !== undefined);
  const namesakes = Map.groupBy(usable, ({ kid }) => kid);
  const keys = usable.filter(({ kid }) => kid === undefined || namesakes.get(kid)?.length === 1);
  return { ok: true, keys, digest: digestKeys(keys) };
}

/**
 * The keys that may verify a token with this `kid` and `alg` (RFC 7515 section 4.1.4): at most one. Without `kid` only a
 * single fitting key is beyond doubt.
 */
export function selectKeys(keys: readonly VerificationKey[], wanted: WantedKey): readonly VerificationKey[] {
  const fitting = fittingKeys(keys, wanted);
  return fitting.length === 1 ? fitting : [];
}

/** Whether several keys fit, so that {@link selectKeys} finds none. */
export function isAmbiguous(keys: readonly VerificationKey[], wanted: WantedKey): boolean {
  return fittingKeys(keys, wanted).length > 1;
}

/** What a token says of its key. */
interface WantedKey {
  readonly kid?: string;
  readonly alg: string;
}

function fittingKeys(keys: readonly VerificationKey[], { kid, alg }: WantedKey): readonly VerificationKey[] {
  return keys.filter((key) => (kid === undefined || key.kid === kid) && fitsAlgorithm(key, alg));
}

function digestKeys(keys: readonly VerificationKey[]): string {
  const lines = keys.map(({ kid, alg, key }) => JSON.stringify([kid, alg, key.export({ format: 'jwk' })]));
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16);
}
