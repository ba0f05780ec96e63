import type { KeySourceConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { type DiscoveryOutcome, discover, discoveryLocations, maxMetadataBytes } from './discovery.ts';
import { maxKeySetBytes, readKeySet } from './key-set.ts';
import type { KeyFailure, KeySet } from './key-source.ts';
import type { DocumentOutcome, FetchClusterDocument, FetchDocument } from './outbound.ts';

export type RemoteKeySourceConfig = Exclude<KeySourceConfig, { kind: 'static' }>;

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

export interface KeyLoaderPorts {
  readonly fetchDocument: FetchDocument;
  /** Absent without a cluster. */
  readonly fetchClusterDocument?: FetchClusterDocument;
  readonly clock: Clock;
}

/** Builds the loader of one key source; an abort of `signal` ends what is under way. */
export function createKeyLoader(
  config: RemoteKeySourceConfig,
  { fetchDocument, fetchClusterDocument, clock }: KeyLoaderPorts,
  signal: AbortSignal,
): LoadKeys {
  async function fetch(url: string, maxBytes: number): Promise<DocumentOutcome> {
    if (config.kind !== 'cluster') {
      const { caPem, outbound } = config;
      return fetchDocument({ url, maxBytes, outbound, signal, ...(caPem === undefined ? {} : { caPem }) });
    }
    const answer = await fetchClusterDocument?.(url, maxBytes, signal);
    return answer ?? { ok: false, failure: 'HTTPError', answered: false };
  }

  async function findKeySet(): Promise<DiscoveryOutcome> {
    if (config.kind === 'uri') return { ok: true, jwksURI: config.uri };
    const locations =
      config.kind === 'cluster'
        ? [clusterMetadataPath]
        : discoveryLocations(config.issuer, config.discoveryURL);
    const found = await discover(config.issuer, locations, (url) => fetch(url, maxMetadataBytes));
    // What the cluster calls `jwks_uri` is an address for others, often one that only the control plane can reach.
    return found.ok && config.kind === 'cluster' ? { ok: true, jwksURI: clusterKeysPath } : found;
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

/** Where every API server has its issuer's documents. */
export const clusterMetadataPath = '/.well-known/openid-configuration';
const clusterKeysPath = '/openid/v1/jwks';
