/**
 * The cluster as a source of policies: policies are listed and watched whole, ConfigMaps and Services by their metadata
 * only, and just those that a policy names are read.
 */
import { isJsonObject } from '../json/json-object.ts';
import type { ConfigMapData, SourceInputs, SourcePolicy } from '../policy/inputs.ts';
import { namedConfigMaps, namedServices } from '../policy/named-objects.ts';
import { readService } from '../policy/read-service.ts';
import type { CollectionMetrics, WatchedResource } from '../telemetry/collection-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { startDeadline, untilAborted } from '../time/deadline.ts';
import { restAfter } from '../time/rest.ts';
import { createCoalescedTask } from './coalesced-task.ts';
import type { KubeApi } from './kube-api.ts';
import { watchObjects } from './object-watch.ts';
import { reflectNamespaces } from './reflect-namespaces.ts';
import { configMaps, mcpAuthPolicies, services } from './resource.ts';

export interface ClusterSourceOptions {
  readonly api: Pick<KubeApi, 'list' | 'watch' | 'get'>;
  /** The only namespaces to look at; all when absent. */
  readonly namespaces?: readonly string[];
  /**
   * Called with everything after each burst of changes. For the first time when all policies have been listed and what
   * they name was tried; of the only namespaces to look at, one that may not be listed is waited for no more than ten seconds,
   * as long as another one may: one tenant's administrator must not keep the others out. A ConfigMap or Service that could
   * not be read yet is missing, like one that is not there.
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
// A new policy should not be called broken because what it names takes a moment, nor hold up the others for long.
const firstDeliveryWaitMs = 10_000;
const deliveryWaitMs = 500;

/** Watches the cluster until it is stopped. */
export function startClusterSource(options: ClusterSourceOptions): ClusterSource {
  const { api, namespaces, onInputs, clock, random, log, metrics } = options;
  const controller = new AbortController();
  let hasDelivered = false;
  let restMs = 0;

  const refusalsCountFromMs = clock.monotonicMs() + firstDeliveryWaitMs;
  const cancelPatience = clock.after(firstDeliveryWaitMs, deliverRefused);
  const delivery = createCoalescedTask(clock, () => Math.max(burstMs, restMs), deliver);
  const watching = { api, clock, random, log, onChange: delivery.request };
  const policies = reflectNamespaces(namespaces, {
    ...watching,
    resource: mcpAuthPolicies,
    metrics: metrics?.mcpauthpolicies,
    onRefused: deliverRefused,
  });
  const texts = watchObjects({
    ...{ ...watching, namespaces, resource: configMaps, read: readConfigMap },
    metrics: metrics?.configmaps,
  });
  const upstreams = watchObjects({
    ...{ ...watching, namespaces, resource: services, read: ({ spec }) => readService(spec) },
    // The address that a Service has given up may be another namespace's by now.
    forgetsUnread: true,
    metrics: metrics?.services,
  });

  function currentPolicies(): readonly SourcePolicy[] {
    return policies
      .all()
      .flatMap((reflector) => [...reflector.snapshot().values()])
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((object) => ({ object }));
  }

  /** A refusal is no change, so nothing else asks for the first delivery without what is refused. */
  function deliverRefused(): void {
    if (!hasDelivered && clock.monotonicMs() >= refusalsCountFromMs) delivery.request();
  }

  function mayDeliver(): boolean {
    // A namespace that was refused may fail in other ways later; that is no matter of the others.
    if (hasDelivered || policies.isSynced()) return true;
    return clock.monotonicMs() >= refusalsCountFromMs && policies.isSyncedWhereAllowed();
  }

  async function deliver(): Promise<void> {
    if (!mayDeliver()) {
      return;
    }
    const objects = currentPolicies().map(({ object }) => object);
    texts.want(objects.flatMap(namedConfigMaps));
    upstreams.want(objects.flatMap(namedServices));
    const patience = startDeadline(
      clock,
      hasDelivered ? deliveryWaitMs : firstDeliveryWaitMs,
      controller.signal,
    );
    const tried = Promise.all([texts.triedAll(), upstreams.triedAll()]);
    await untilAborted(tried, patience.signal).catch(() => undefined);
    patience.end();
    if (controller.signal.aborted) {
      return;
    }
    if (!hasDelivered) warnOfRefused();
    hasDelivered = true;
    const startedMs = clock.monotonicMs();
    try {
      onInputs({
        // Taken again: policies may have changed during the wait.
        policies: currentPolicies(),
        configMaps: texts.data(),
        services: upstreams.data(),
        serviceAddresses: 'unused',
      });
    } catch (error) {
      log.error('taking over what the cluster holds failed', {
        error: error instanceof Error ? error.stack : undefined,
      });
    }
    restMs = restAfter(clock.monotonicMs() - startedMs);
  }

  function warnOfRefused(): void {
    const refused = policies.refused().join(' ');
    if (refused === '') return;
    log.warn('policies of these namespaces may not be listed: until they may, everything there is denied', {
      namespaces: refused,
    });
  }

  return {
    async stop() {
      controller.abort();
      cancelPatience();
      await Promise.all([policies.stop(), texts.stop(), upstreams.stop(), delivery.stop()]);
    },
  };
}

function readConfigMap(object: Readonly<Record<string, unknown>>): ConfigMapData {
  const texts = Object.entries(isJsonObject(object.data) ? object.data : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { data: Object.fromEntries(texts) };
}
