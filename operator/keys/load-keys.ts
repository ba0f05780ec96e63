import type { KeySourceConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { type DiscoveryOutcome, discover, discoveryLocations, maxMetadataBytes } from './discovery.ts';
import { maxKeySetBytes, readKeySet } from './key-set.ts';
import type { KeyFailure, KeySet } from './key-source.ts';
import type { DocumentOutcome, FetchDocument } from './outbound.ts';

export type RemoteKeySourceConfig = Extract<KeySourceConfig, { kind: 'discovery' | 'uri' }>;

export type LoadedKeys =
  /** `keys` of the set may be empty; `startedMs` is when its fetch began, monotonic. */
  | { readonly ok: true; readonly keySet: KeySet; readonly startedMs: number }
  | { readonly ok: false; readonly failure: KeyFailure };

/**
 * Loads the keys of a configuration once.
 *
 * @param knownURI - where the keys were found before; the metadata is then not asked again.
 */
export type LoadKeys = (knownURI?: string) => Promise<LoadedKeys>;

/** Builds the loader of one key source; an abort of `signal` ends what is under way. */
export function createKeyLoader(
  config: RemoteKeySourceConfig,
  fetchDocument: FetchDocument,
  clock: Clock,
  signal: AbortSignal,
): LoadKeys {
  const { caPem, outbound } = config;
  const trust = { outbound, signal, ...(caPem === undefined ? {} : { caPem }) };

  function fetch(url: string, maxBytes: number): Promise<DocumentOutcome> {
    return fetchDocument({ url, maxBytes, ...trust });
  }

  async function findKeySet(): Promise<DiscoveryOutcome> {
    if (config.kind === 'uri') return { ok: true, jwksURI: config.uri };
    const locations = discoveryLocations(config.issuer, config.discoveryURL);
    return await discover(config.issuer, locations, (url) => fetch(url, maxMetadataBytes));
  }

  return async (knownURI) => {
    const found = knownURI === undefined ? await findKeySet() : ({ ok: true, jwksURI: knownURI } as const);
    if (!found.ok) return found;
    const { jwksURI } = found;
    const [fetchedAtMs, startedMs] = [clock.nowMs(), clock.monotonicMs()];
    const fetched = await fetch(jwksURI, maxKeySetBytes);
    if (!fetched.ok) return { ok: false, failure: fetched.failure };
    const read = readKeySet(fetched.body);
    if (!read.ok) return read;
    return { ok: true, startedMs, keySet: { keys: read.keys, digest: read.digest, fetchedAtMs, jwksURI } };
  };
}
