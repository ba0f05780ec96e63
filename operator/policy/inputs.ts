import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { OperatorConfiguration } from './operator-configuration.ts';

/** A policy as its source delivered it, not yet judged. */
export interface SourcePolicy {
  readonly object: UntypedObject;
  /** Why the source itself refuses the object (defined twice, for instance); the policy then denies with `Invalid`. */
  readonly problem?: string;
}

/** What is read of a ConfigMap: its text entries. */
export interface ConfigMapData {
  readonly data: Readonly<Record<string, string>>;
}

/** What is read of a Service: how, and whether, it may be dialled. */
export interface ServiceData {
  /** `ClusterIP` when it says nothing. */
  readonly type: string;
  /** Absent, empty or `None` when it has no address of its own. */
  readonly clusterIP?: string;
  /** Whether a selector says which pods are behind it; else somebody writes the addresses by hand. */
  readonly hasSelector: boolean;
  readonly ports: readonly ServicePort[];
}

export interface ServicePort {
  readonly port: number;
  readonly appProtocol?: string;
  /** `TCP` when it says nothing. */
  readonly protocol: string;
}

/**
 * Everything that compile may look at. The cluster, a folder of manifests and the golden tests build the same value.
 */
export interface Inputs {
  /** In any order; each `namespace/name` once. */
  readonly policies: readonly SourcePolicy[];
  /** By `namespace/name`. Holds at least the ConfigMaps that the policies name, where they exist. */
  readonly configMaps: ReadonlyMap<string, ConfigMapData>;
  /** By `namespace/name`. Holds at least the Services that the policies name, where they exist. */
  readonly services: ReadonlyMap<string, ServiceData>;
  readonly serviceAddresses: ServiceAddressUse;
  readonly configuration: OperatorConfiguration;
  readonly cluster: ClusterFacts;
}

/** What a source of policies delivers, whole, each time something has changed. */
export type SourceInputs = Pick<Inputs, 'policies' | 'configMaps' | 'services' | 'serviceAddresses'>;

/**
 * What the administrator's `serviceAddresses` are to this source of policies.
 *
 * - `unused`: the cluster says where a Service is, by its ClusterIP.
 * - `only`: outside of a cluster ClusterIPs lead nowhere, or to an address that the author of a manifest has chosen.
 * - `first`: nothing is dialled, so the ClusterIP in a manifest is good enough where there is no entry.
 */
export type ServiceAddressUse = 'unused' | 'only' | 'first';

/** What the operator has learned of the cluster whose API server it may ask. */
export interface ClusterFacts {
  /** Whether there is an API server to review tokens. */
  readonly reviewsTokens: boolean;
  /** Audiences that the API server keeps for itself: a token for one of them opens the cluster. */
  readonly audiences: readonly string[];
  /** Issuer of the cluster's ServiceAccount tokens; absent when it is not known. */
  readonly issuer?: string;
}

/** What most clusters' API servers keep for themselves. */
export const wellKnownAudiences: readonly string[] = [
  'https://kubernetes.default.svc',
  'https://kubernetes.default.svc.cluster.local',
];

/** Without a cluster to ask: tokens for those of others are no better. */
export const noCluster: ClusterFacts = { reviewsTokens: false, audiences: wellKnownAudiences };
