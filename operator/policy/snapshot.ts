import type { HostPattern } from './host-pattern.ts';
import type { VerifierConfig } from './verifier-config.ts';

/** RFC 9728 protected resource metadata: the members that we publish, as they go on the wire. */
export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
}

/** One policy after compilation: everything that a request needs, and nothing that changes. */
export interface CompiledPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** The URL that clients call. */
  readonly resource: string;
  /** Path of `resource`, `/` when it has none; requests are matched by it. */
  readonly path: string;
  /** Host name that the administrator gave to the namespace, when the resource lies there; else the shared hosts. */
  readonly ownHost?: string;
  readonly metadataURL: string;
  /** Absent when nothing may be published (the spec could not be read, or its issuer is not allowed). */
  readonly metadata?: ResourceMetadata;
  readonly verifier: VerifierConfig;
  /** Digest of all of the above but `generation`. */
  readonly digest: string;
}

/** Host values and what they lead to. */
export interface HostRules {
  /** The host of `publicURL` and the additional ones. */
  readonly shared: readonly HostPattern[];
  /** Hosts that belong to namespaces. */
  readonly own: readonly HostPattern[];
}

/** All compiled policies at one moment. Deeply frozen; replaced whole. */
export interface Snapshot {
  /** Content hash: equal digests enforce the same. */
  readonly digest: string;
  readonly hosts: HostRules;
  readonly allowedOrigins: readonly string[];
  readonly maxInFlightPerPolicy: number;
  /** By `ownHost` (or `''` for the shared hosts) + path, as {@link routeKey} makes it. */
  readonly routes: ReadonlyMap<string, CompiledPolicy>;
  /** By `namespace/name`; only policies that own a resource. */
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
}

export function routeKey(ownHost: string | undefined, path: string): string {
  return `${ownHost ?? ''} ${path}`;
}
