import { compactVerify, errors } from 'jose';
import { isAmbiguous, selectKeys } from '../keys/key-set.ts';
import type { KeySet, KeySource, VerificationKey } from '../keys/key-source.ts';
import type { DenialReason } from './denial.ts';
import type { JoseHeader } from './jose-header.ts';

export type SignatureOutcome =
  | { readonly kind: 'valid' }
  | { readonly kind: 'denied'; readonly reason: DenialReason }
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };

/** A token whose header and claims have been judged, waiting for its signature to be. */
export interface SignedToken {
  readonly token: string;
  readonly header: JoseHeader;
  /** Epoch seconds; undefined when the token does not say. */
  readonly issuedAt?: number;
}

/**
 * Checks the signature with the keys that the source holds. When none fits, or the one that should fit does not, the
 * source is asked to look again once: keys are rotated, and some issuers put a new key under an old `kid`.
 */
export async function checkSignature(signed: SignedToken, source: KeySource): Promise<SignatureOutcome> {
  const held = source.current();
  if (held === undefined) return unavailable(source.retryAfterSeconds());
  const first = await tryKeys(signed, held);
  if (first === 'valid') return { kind: 'valid' };
  // A token that leaves it open which of several keys it means: more keys would not make it clearer.
  if (isAmbiguous(held.keys, signed.header)) return { kind: 'denied', reason: first };
  const refresh = await source.refresh();
  if (refresh.kind === 'refreshed') {
    const renewed = source.current();
    if (renewed === undefined) return unavailable(source.retryAfterSeconds());
    const second = await tryKeys(signed, renewed);
    if (second === 'valid') return { kind: 'valid' };
    // The fetch may have been under way when the key was made.
    const isLate = second === 'key_not_found' && !wouldHold(renewed, signed.issuedAt);
    return isLate ? unavailable(1) : { kind: 'denied', reason: second };
  }
  if (first === 'key_not_found' && !wouldHold(held, signed.issuedAt)) {
    return unavailable(refresh.kind === 'failed' ? refresh.retryAfterSeconds : refresh.remainingSeconds);
  }
  return { kind: 'denied', reason: first };
}

async function tryKeys(
  { token, header }: SignedToken,
  { keys }: KeySet,
): Promise<'valid' | 'key_not_found' | 'signature_invalid'> {
  const candidates = selectKeys(keys, header);
  if (candidates.length === 0) return 'key_not_found';
  for (const candidate of candidates) {
    if (await isSignedBy(token, candidate, header.alg)) return 'valid';
  }
  return 'signature_invalid';
}

async function isSignedBy(token: string, { key }: VerificationKey, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** Whether the key of a token issued at that time would have been in the key set, were it one of the issuer's. */
function wouldHold({ fetchedAtMs }: KeySet, issuedAt: number | undefined): boolean {
  return issuedAt === undefined || fetchedAtMs >= issuedAt * 1000;
}

function unavailable(retryAfterSeconds: number): SignatureOutcome {
  return { kind: 'unavailable', retryAfterSeconds };
}
