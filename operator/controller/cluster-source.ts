/**
 * The cluster as a source of policies: policies are listed and watched whole, ConfigMaps by their metadata only, and
 * just those that a policy names are read.
 */
import { objectKey } from '../api/kubernetes-object.ts';
import type { SourceInputs, SourcePolicy } from '../policy/inputs.ts';
import { namedConfigMaps } from '../policy/named-objects.ts';
import type { CollectionMetrics, WatchedResource } from '../telemetry/collection-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { startDeadline, untilAborted } from '../time/deadline.ts';
import { createCoalescedTask } from './coalesced-task.ts';
import { createConfigMapReader } from './config-map-reader.ts';
import type { KubeApi } from './kube-api.ts';
import { type Reflector, type ReflectorOptions, startReflector } from './reflector.ts';
import type { StoreChange } from './reflector-state.ts';
import { configMaps, mcpAuthPolicies, type ResourceKind } from './resource.ts';

export interface ClusterSourceOptions {
  readonly api: Pick<KubeApi, 'list' | 'watch' | 'get'>;
  /** The only namespaces to look at; all when absent. */
  readonly namespaces?: readonly string[];
  /**
   * Called with everything after each burst of changes. For the first time when all policies have been listed and the
   * ConfigMaps that they name were tried. A ConfigMap that could not be read yet is missing, like one that is not there.
   */
  readonly onInputs: (inputs: SourceInputs) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: Readonly<Record<WatchedResource, CollectionMetrics>>;
}

export interface ClusterSource {
  /** Nothing is delivered once this has been called. */
  stop(): Promise<void>;
}

const burstMs = 20;
// A new policy should not be called broken because its ConfigMap takes a moment, nor hold up the others for long.
const firstDeliveryWaitMs = 10_000;
const deliveryWaitMs = 500;

/** Watches the cluster until it is stopped. */
export function startClusterSource(options: ClusterSourceOptions): ClusterSource {
  const { api, onInputs, clock, random, log, metrics } = options;
  const namespaces = options.namespaces ?? [undefined];
  const controller = new AbortController();
  let hasDelivered = false;

  const delivery = createCoalescedTask(clock, burstMs, deliver);
  const reader = createConfigMapReader({
    api,
    seen: seenVersion,
    onChange: delivery.request,
    clock,
    random,
    log,
  });
  const policies = reflectEach(mcpAuthPolicies, {
    onChange: delivery.request,
    metrics: metrics?.mcpauthpolicies,
  });
  const metadata = reflectEach(configMaps, {
    onChange: noticeConfigMap,
    metadataOnly: true,
    metrics: metrics?.configmaps,
  });

  function reflectEach(
    resource: ResourceKind,
    rest: Pick<ReflectorOptions, 'onChange' | 'metadataOnly' | 'metrics'>,
  ): ReadonlyMap<string | undefined, Reflector> {
    const start = (namespace: string | undefined): Reflector =>
      startReflector({
        api,
        resource,
        clock,
        random,
        log,
        ...rest,
        ...(namespace === undefined ? {} : { namespace }),
      });
    return new Map(namespaces.map((namespace) => [namespace, start(namespace)]));
  }

  function seenVersion(key: string): string {
    const [namespace] = key.split('/');
    const reflector = metadata.get(namespace) ?? metadata.get(undefined);
    if (!reflector?.isSynced()) {
      return 'unknown';
    }
    return reflector.get(key)?.metadata.resourceVersion ?? 'absent';
  }

  function noticeConfigMap(change: StoreChange): void {
    if (change.kind === 'replace') {
      reader.noticeList();
    } else {
      reader.noticeEvent(change.kind === 'set' ? objectKey(change.object.metadata) : change.key);
    }
  }

  function currentPolicies(): readonly SourcePolicy[] {
    const objects = [...policies.values()].flatMap((reflector) => [...reflector.snapshot().values()]);
    return objects
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((object) => ({ object }));
  }

  async function deliver(): Promise<void> {
    if (![...policies.values()].every((reflector) => reflector.isSynced())) {
      return;
    }
    reader.want(currentPolicies().flatMap(({ object }) => namedConfigMaps(object)));
    const patience = startDeadline(
      clock,
      hasDelivered ? deliveryWaitMs : firstDeliveryWaitMs,
      controller.signal,
    );
    await untilAborted(reader.triedAll(), patience.signal).catch(() => undefined);
    patience.end();
    if (controller.signal.aborted) {
      return;
    }
    hasDelivered = true;
    try {
      // Taken again: policies may have changed during the wait.
      onInputs({
        policies: currentPolicies(),
        configMaps: reader.data(),
        services: new Map(),
        serviceAddresses: 'unused',
      });
    } catch (error) {
      log.error('taking over what the cluster holds failed', {
        error: error instanceof Error ? error.stack : undefined,
      });
    }
  }

  return {
    async stop() {
      controller.abort();
      const reflectors = [...policies.values(), ...metadata.values()];
      await Promise.all([
        ...reflectors.map((reflector) => reflector.stop()),
        reader.close(),
        delivery.stop(),
      ]);
    },
  };
}
