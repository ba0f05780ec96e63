import { type Reflector, type ReflectorOptions, startReflector } from './reflector.ts';

/** One copy of a kind of objects, or one for each of the only namespaces to look at. */
export interface Reflectors {
  isSynced(): boolean;
  /** Whether all are synced but those that are refused. Never when all are: that may be a moment's trouble of the cluster. */
  isSyncedWhereAllowed(): boolean;
  /** The namespaces that are refused. */
  refused(): readonly string[];
  /** The one that has the objects of a namespace. */
  of(namespace: string): Reflector | undefined;
  all(): readonly Reflector[];
  stop(): Promise<void>;
}

/** @param namespaces - the only ones to look at; all when absent. */
export function reflectNamespaces(
  namespaces: readonly string[] | undefined,
  options: Omit<ReflectorOptions, 'namespace'>,
): Reflectors {
  const everywhere = namespaces === undefined ? startReflector(options) : undefined;
  const byNamespace = new Map(
    namespaces?.map((namespace) => [namespace, startReflector({ ...options, namespace })]),
  );
  const all = everywhere === undefined ? [...byNamespace.values()] : [everywhere];
  return {
    isSynced: () => all.every((reflector) => reflector.isSynced()),
    isSyncedWhereAllowed: () =>
      all.some((reflector) => reflector.isSynced()) &&
      all.every((reflector) => reflector.isSynced() || reflector.isRefused()),
    refused: () =>
      [...byNamespace].flatMap(([namespace, reflector]) => (reflector.isRefused() ? [namespace] : [])),
    of: (namespace) => everywhere ?? byNamespace.get(namespace),
    all: () => all,
    async stop() {
      await Promise.all(all.map((reflector) => reflector.stop()));
    },
  };
}
