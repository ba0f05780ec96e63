import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type ApiServerMetrics, createApiServerMetrics } from './api-server-metrics.ts';
import {
  type CollectionMetrics,
  createCollectionMetrics,
  type WatchedResource,
} from './collection-metrics.ts';
import { createEndpointMetrics, type EndpointMetrics } from './endpoint-metrics.ts';
import { createKeyMetrics, type KeyMetrics } from './key-metrics.ts';
import { createPolicyMetrics, type PolicyMetrics } from './policy-metrics.ts';
import { createStatusQueueMetrics, type QueueMetrics } from './queue-metrics.ts';
import { createReconcileMetrics, type ReconcileMetrics } from './reconcile-metrics.ts';
import { createReplicaMetrics, type ReplicaMetrics } from './replica-metrics.ts';
import { createRequestTimes, type RequestTimes } from './request-times.ts';
import { createUpstreamMetrics, type UpstreamMetrics } from './upstream-metrics.ts';

/**
 * Every metric of the operator; `docs/metrics.md` lists them. Labels come from closed sets: none names an issuer or a
 * caller, nor a policy unless the administrator wants that.
 */
export interface Metrics
  extends EndpointMetrics,
    RequestTimes,
    PolicyMetrics,
    ReconcileMetrics,
    ReplicaMetrics {
  readonly upstream: UpstreamMetrics;
  readonly keys: KeyMetrics;
  readonly apiServer: ApiServerMetrics;
  readonly collections: Readonly<Record<WatchedResource, CollectionMetrics>>;
  readonly statusQueue: QueueMetrics;
  /** Prometheus text exposition. */
  render(): Promise<string>;
}

/** @param registry - an empty one, which gets all of them. */
export function createMetrics(version: string, registry: Registry = new Registry()): Metrics {
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'mcp_auth_build_info',
    help: 'Always 1; the label says which version runs.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  const reconciles = createReconcileMetrics(registry);
  return {
    ...createEndpointMetrics(registry),
    ...createRequestTimes(registry),
    upstream: createUpstreamMetrics(registry),
    ...createPolicyMetrics(registry),
    ...reconciles,
    ...createReplicaMetrics(registry),
    keys: createKeyMetrics(registry),
    apiServer: createApiServerMetrics(registry),
    collections: createCollectionMetrics(registry),
    statusQueue: createStatusQueueMetrics(registry, reconciles),
    render: () => registry.metrics(),
  };
}
