import { Counter, Gauge, type Registry } from 'prom-client';

/** Copies of one collection of the API server; several when the operator looks at some namespaces only. */
export interface CollectionMetrics {
  /** A complete list has replaced what an earlier one brought. */
  countRelist(): void;
  /** A watch has ended and is to be begun again, perhaps after a list. */
  countRestart(cause: RestartCause): void;
  /** Asks at each scrape what one more copy holds. */
  follow(load: () => CopyLoad): void;
}

export interface CopyLoad {
  readonly objects: number;
  /** Epoch milliseconds of the last complete list, event, bookmark or agreed end of a watch; 0 before the first. */
  readonly lastSyncMs: number;
}

const watchedResources = ['mcpauthpolicies', 'configmaps', 'services'] as const;
export type WatchedResource = (typeof watchedResources)[number];

/**
 * `ended`: by the server, as agreed. `expired`: the version is too old (410). `refused`: any other status of 4xx. `silent`:
 * not even a bookmark came. `disconnected`: the connection. `malformed`: what came could not be read, or was out of order.
 */
const restartCauses = [
  'ended',
  'too_short',
  'expired',
  'refused',
  'server_error',
  'silent',
  'disconnected',
  'malformed',
] as const;
export type RestartCause = (typeof restartCauses)[number];

export function createCollectionMetrics(
  registry: Registry,
): Readonly<Record<WatchedResource, CollectionMetrics>> {
  const copies: Record<WatchedResource, (() => CopyLoad)[]> = {
    ...{ mcpauthpolicies: [], configmaps: [], services: [] },
  };
  const labelNames = ['resource'] as const;
  const shared = { labelNames, registers: [registry] };
  const relists = new Counter({
    name: 'mcp_auth_relists_total',
    help: 'Complete lists after the first: what was held was replaced whole.',
    ...shared,
  });
  const restarts = new Counter({
    name: 'mcp_auth_watch_restarts_total',
    help: 'Watches that have ended and were to be begun again, by why they ended.',
    ...shared,
    labelNames: ['resource', 'cause'],
  });
  new Gauge({
    name: 'mcp_auth_cached_objects',
    help: 'Objects of the cluster that are held in memory; of ConfigMaps and Services the metadata.',
    ...shared,
    collect() {
      for (const resource of watchedResources) {
        const objects = copies[resource].reduce((sum, load) => sum + load().objects, 0);
        this.set({ resource }, objects);
      }
    },
  });
  new Gauge({
    name: 'mcp_auth_source_last_sync_timestamp_seconds',
    help: 'When the cluster was last heard of (list, event, bookmark or the agreed end of a watch), in seconds since 1970; 0 before the first list.',
    ...shared,
    collect() {
      for (const resource of watchedResources) {
        // Of several the one that is furthest behind; without a cluster there is nothing to be behind of.
        const times = copies[resource].map((load) => load().lastSyncMs);
        if (times.length > 0) this.set({ resource }, Math.min(...times) / 1000);
      }
    },
  });

  function create(resource: WatchedResource): CollectionMetrics {
    relists.inc({ resource }, 0);
    for (const cause of restartCauses) restarts.inc({ resource, cause }, 0);
    return {
      countRelist: () => relists.inc({ resource }),
      countRestart: (cause) => restarts.inc({ resource, cause }),
      follow: (load) => copies[resource].push(load),
    };
  }

  return {
    mcpauthpolicies: create('mcpauthpolicies'),
    configmaps: create('configmaps'),
    services: create('services'),
  };
}
