import { selectKeys } from '../keys/key-set.ts';
import type { KeySet, KeySource, VerificationKey } from '../keys/key-source.ts';
import type { KeysObservation } from '../policy/observation.ts';
import type { JwtVerifierConfig } from '../policy/verifier-config.ts';

/** What a policy's status can say of its keys: those of its source that fit its algorithms. */
export function observeKeys(
  source: KeySource | undefined,
  { algorithms }: JwtVerifierConfig,
): KeysObservation {
  if (source === undefined) return { kind: 'pending' };
  const { tried, keySet, failure } = source.state();
  if (keySet === undefined) {
    if (!tried || failure === undefined || failure === 'Pending') return { kind: 'pending' };
    return { kind: 'failed', reason: failure };
  }
  const keys = keySet.keys.filter((key) => canBeMeant(key, keySet, algorithms)).length;
  if (keys === 0) return { kind: 'failed', reason: 'NoUsableKeys' };
  const { digest: keySetDigest, jwksURI } = keySet;
  return { kind: 'loaded', keys, keySetDigest, ...(jwksURI === undefined ? {} : { jwksURI }) };
}

/** Whether there can be a token that is verified with this key: of two keys without `kid` neither can be meant. */
function canBeMeant(key: VerificationKey, { keys }: KeySet, algorithms: readonly string[]): boolean {
  const { kid } = key;
  const wanted = kid === undefined ? {} : { kid };
  return algorithms.some((alg) => selectKeys(keys, { ...wanted, alg }).includes(key));
}
