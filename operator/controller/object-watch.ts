import { objectKey } from '../api/kubernetes-object.ts';
import type { CollectionMetrics } from '../telemetry/collection-metrics.ts';
import type { KubeApi } from './kube-api.ts';
import { createObjectReader, type ObjectReader, type ObjectReaderOptions } from './object-reader.ts';
import { reflectNamespaces } from './reflect-namespaces.ts';
import type { StoreChange } from './reflector-state.ts';

export interface ObjectWatchOptions<T> extends Omit<ObjectReaderOptions<T>, 'api' | 'seen'> {
  readonly api: Pick<KubeApi, 'list' | 'watch' | 'get'>;
  /** The only ones to look at; all when absent. */
  readonly namespaces: readonly string[] | undefined;
  readonly metrics: CollectionMetrics | undefined;
}

/** Objects of one kind that policies name. */
export interface ObjectWatch<T> extends Pick<ObjectReader<T>, 'want' | 'data' | 'triedAll'> {
  stop(): Promise<void>;
}

/** Watches all objects of a kind by their metadata, and reads those that are wanted, each again when it changes. */
export function watchObjects<T>(options: ObjectWatchOptions<T>): ObjectWatch<T> {
  const { namespaces, metrics, ...given } = options;
  const reader = createObjectReader({ ...given, seen: seenVersion });
  const reflectors = reflectNamespaces(namespaces, {
    ...given,
    metrics,
    metadataOnly: true,
    onChange: notice,
  });

  function seenVersion(key: string): string {
    const [namespace = ''] = key.split('/');
    const reflector = reflectors.of(namespace);
    if (!reflector?.isSynced()) return 'unknown';
    return reflector.get(key)?.metadata.resourceVersion ?? 'absent';
  }

  function notice(change: StoreChange): void {
    if (change.kind === 'replace') reader.noticeList();
    else reader.noticeEvent(change.kind === 'set' ? objectKey(change.object.metadata) : change.key);
  }

  const { want, data, triedAll } = reader;
  return {
    ...{ want, data, triedAll },
    async stop() {
      await Promise.all([reflectors.stop(), reader.close()]);
    },
  };
}
