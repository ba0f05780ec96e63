import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import type { CollectionMetrics } from '../telemetry/collection-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { sleep } from '../time/deadline.ts';
import { type ApiError, toApiError } from './api-error.ts';
import { lacksGroup } from './api-groups.ts';
import type { KubeApi } from './kube-api.ts';
import {
  initialReflection,
  type ReflectorInput,
  type ReflectorState,
  type StoreChange,
  step,
} from './reflector-state.ts';
import { collectionPath, type ResourceKind } from './resource.ts';
import { watchRestart } from './watch-restart.ts';

export interface ReflectorOptions {
  readonly api: Pick<KubeApi, 'get' | 'list' | 'watch'>;
  readonly resource: ResourceKind;
  /** All namespaces when absent. */
  readonly namespace?: string;
  /** All objects when absent. */
  readonly labelSelector?: string;
  /** Keeps only the metadata of the objects, and asks for no more. */
  readonly metadataOnly?: boolean;
  /** Called after each change of the store, the first time when the first list is complete. Must not throw. */
  readonly onChange: (change: StoreChange) => void;
  /** Called each time {@link Reflector.isRefused} is found to hold. Must not throw. */
  readonly onRefused?: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: CollectionMetrics | undefined;
}

/** A copy of a collection that keeps itself up to date, whatever happens to the connection. */
export interface Reflector {
  /** Whether a list has been complete at least once. */
  isSynced(): boolean;
  /** Whether none has been complete, and the last answer was that listing is forbidden (403). */
  isRefused(): boolean;
  /** What it does right now. */
  state(): ReflectorState;
  /** One object as it is now, by `namespace/name`. */
  get(key: string): UntypedObject | undefined;
  /** The objects by `namespace/name`; never changed afterwards. */
  snapshot(): ReadonlyMap<string, UntypedObject>;
  /** Ends list and watch; no change arrives once it has been called. */
  stop(): Promise<void>;
}

/** Lists and watches a collection until it is stopped. */
export function startReflector(options: ReflectorOptions): Reflector {
  const { api, resource, namespace, labelSelector, metadataOnly = false, clock, random, metrics } = options;
  const path = collectionPath(resource, namespace);
  const controller = new AbortController();
  const read = { metadataOnly, signal: controller.signal };
  const store = new Map<string, UntypedObject>();
  let copy: ReadonlyMap<string, UntypedObject> | undefined;
  let synced = false;
  let refused = false;
  let lastSyncMs = 0;
  let current = initialReflection;
  const report = createFailureReport(options);

  function take(input: ReflectorInput): void {
    const { next, change } = step(current, input, { resource, nowMs: clock.monotonicMs(), random: random() });
    if (next === current) {
      return;
    }
    if (input.kind === 'gone') {
      report.gone(store.size);
    }
    if (next.state.kind === 'waiting') {
      report.failed(next.state.error);
    } else if (isNews(input)) {
      // Not a page: where lists work and watches do not, it would be said over and over.
      report.answered();
    }
    note(input, next.state, change);
    current = next;
    noteRefusal(input, next.state);
    if (change !== undefined) {
      applyChange(store, change);
      copy = undefined;
      synced ||= change.kind === 'replace';
      options.onChange(change);
    }
  }

  /** Kept while it lists again: that alone does not mean that it may. */
  function noteRefusal(input: ReflectorInput, after: ReflectorState): void {
    if (after.kind === 'waiting') refused = !synced && after.error.code === 403;
    else if (input.kind === 'page') refused = false;
    if (after.kind === 'waiting' && refused) options.onRefused?.();
  }

  function note(input: ReflectorInput, after: ReflectorState, change: StoreChange | undefined): void {
    const cause = watchRestart(current.state, input, after);
    if (cause !== undefined) metrics?.countRestart(cause);
    const isRead = isNews(input) && after.kind === 'watching';
    if (isRead || change !== undefined) lastSyncMs = clock.nowMs();
    if (change?.kind === 'replace' && synced) metrics?.countRelist();
  }

  async function list(continueToken: string | undefined): Promise<void> {
    const query = { limit: current.pageLimit, continue: continueToken, labelSelector };
    take({ kind: 'page', page: await api.list(path, query, read) });
  }

  async function watch(resourceVersion: string): Promise<void> {
    // Bookmarks come once a minute or more seldom: only the end of a short watch shows in time that it was alive.
    // Spread, so that replicas and collections do not come back all at once.
    const timeoutSeconds = 40 + Math.floor(random() * 11);
    const query = { resourceVersion, allowWatchBookmarks: true, timeoutSeconds, labelSelector };
    for await (const event of api.watch(path, query, read)) {
      take({ kind: 'event', event });
      if (current.state.kind !== 'watching') {
        return;
      }
    }
    take({ kind: 'watch-ended' });
  }

  async function act(state: ReflectorState): Promise<void> {
    switch (state.kind) {
      case 'listing':
        return list(state.continueToken);
      case 'watching':
        return watch(state.resourceVersion);
      case 'waiting':
        await sleep(clock, state.delayMs, controller.signal);
        return take({ kind: 'waited' });
    }
  }

  async function run(): Promise<void> {
    while (!controller.signal.aborted) {
      await act(current.state).catch(async (error: unknown) => take(await judge(toApiError(error))));
    }
  }

  /** With a CRD its objects are gone. But a 404 alone may come from a proxy; and at a start nothing is known to be gone. */
  async function judge(error: ApiError): Promise<ReflectorInput> {
    const mayBeGone = error.code === 404 && resource.group !== '' && store.size > 0;
    const isGone = mayBeGone && (await lacksGroup(api, resource.group, controller.signal));
    return { kind: isGone ? 'gone' : 'failed', error };
  }

  metrics?.follow(() => ({ objects: store.size, lastSyncMs }));
  const ended = run();
  return {
    isSynced: () => synced,
    isRefused: () => refused,
    get: (key) => store.get(key),
    state: () => current.state,
    snapshot: () => (copy ??= new Map(store)),
    stop() {
      controller.abort();
      take({ kind: 'stop' });
      return ended;
    },
  };
}

/** The agreed end of a watch says as much as a bookmark, which does not come without fail. */
function isNews({ kind }: ReflectorInput): boolean {
  return kind === 'event' || kind === 'watch-ended';
}

function applyChange(store: Map<string, UntypedObject>, change: StoreChange): void {
  switch (change.kind) {
    case 'replace':
      store.clear();
      for (const object of change.objects) {
        store.set(objectKey(object.metadata), object);
      }
      return;
    case 'set':
      store.set(objectKey(change.object.metadata), change.object);
      return;
    case 'remove':
      store.delete(change.key);
  }
}

/** Says each cause of trouble once, and its end; repetitions go to debug. */
function createFailureReport({ log, resource, namespace }: ReflectorOptions): {
  failed(error: ApiError): void;
  gone(objects: number): void;
  answered(): void;
} {
  let said: string | undefined;
  const about = { resource: resource.plural, group: resource.group, namespace };
  return {
    failed({ code, reason, message }) {
      const isNew = message !== said;
      said = message;
      const text =
        code === 404 && resource.group !== ''
          ? 'the API server does not know this resource: is its CRD installed?'
          : 'reading from the API server failed';
      log[isNew ? 'warn' : 'debug'](text, { ...about, code, reason, error: message });
    },
    gone(objects) {
      log.warn('the API server has no such group any more: its objects are given up', { ...about, objects });
    },
    answered() {
      if (said !== undefined) {
        said = undefined;
        log.info('reading from the API server works again', about);
      }
    },
  };
}
