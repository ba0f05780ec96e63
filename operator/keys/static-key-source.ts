import type { KeySourceConfig } from '../policy/verifier-config.ts';
import { readKeySet } from './key-set.ts';
import type { KeySet, KeySource, KeySourceState } from './key-source.ts';

/** Keys that stand in the policy: never fetched, never old, complete. A refresh has nothing to do and so always succeeds. */
export function createStaticKeySource({ jwks }: Extract<KeySourceConfig, { kind: 'static' }>): KeySource {
  const read = readKeySet(new TextEncoder().encode(jwks));
  const keySet: KeySet | undefined =
    read.ok && read.keys.length > 0
      ? { keys: read.keys, fetchedAtMs: Number.POSITIVE_INFINITY, digest: read.digest }
      : undefined;
  const state: KeySourceState =
    keySet === undefined
      ? { tried: true, failure: read.ok ? 'NoUsableKeys' : read.failure }
      : { tried: true, keySet };
  return {
    current: () => keySet,
    state: () => state,
    refresh: async () => ({ kind: 'refreshed' }),
    retryAfterSeconds: () => 30,
  };
}
