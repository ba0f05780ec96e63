import { selectKeys } from '../keys/key-set.ts';
import type { KeySet, KeySource, VerificationKey } from '../keys/key-source.ts';
import type { ClusterFacts } from '../policy/inputs.ts';
import type { IssuerObservation } from '../policy/observation.ts';
import type { JwtVerifierConfig, TokenReviewConfig } from '../policy/verifier-config.ts';
import type { ApiServerState } from '../verify/api-server-health.ts';

/** What a policy's status can say of its keys: those of its source that fit its algorithms. */
export function observeKeys(
  source: KeySource | undefined,
  { algorithms }: JwtVerifierConfig,
): IssuerObservation {
  if (source === undefined) return { kind: 'pending' };
  const { tried, keySet, failure } = source.state();
  if (keySet === undefined) {
    return tried && failure !== undefined ? { kind: 'failed', reason: failure } : { kind: 'pending' };
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

/** What a policy's status can say of the API server that reviews its tokens. */
export function observeApiServer(
  { tried, failure }: ApiServerState,
  { issuer }: TokenReviewConfig,
  cluster: ClusterFacts,
): IssuerObservation {
  if (!tried) return { kind: 'pending' };
  if (failure !== undefined) return { kind: 'unanswered', reason: failure };
  // Where it is not known, the self-test will tell.
  const isOther = cluster.issuer !== undefined && cluster.issuer !== issuer;
  return isOther ? { kind: 'unanswered', reason: 'IssuerMismatch' } : { kind: 'answered' };
}
