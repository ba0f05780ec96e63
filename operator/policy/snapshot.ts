import type { HostPattern } from './host-pattern.ts';
import type { VerifierConfig } from './verifier-config.ts';

/** RFC 9728 protected resource metadata: the members that we publish, as they go on the wire. */
export interface ResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
}

/** The MCP server behind a policy: where it is dialled, and as whom. */
export interface Upstream {
  /** An IP address in a cluster, never a name that somebody could point elsewhere; in `serve` what the administrator wrote. */
  readonly address: { readonly host: string; readonly port: number };
  /** Value of the `Host` header. */
  readonly host: string;
  /** Path of its MCP endpoint; begins with a slash. */
  readonly path: string;
  /** Absent for plain HTTP. */
  readonly tls?: {
    /** The name that its certificate must be for. */
    readonly servername: string;
    /** PEM certificates to trust instead of the system's. */
    readonly caPem?: string;
  };
}

/** Callers without all of these scopes can neither call nor see these tools. */
export interface ToolRule {
  readonly names: readonly string[];
  readonly scopes: readonly string[];
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
  /** Absent: the built-in server answers. */
  readonly upstream?: Upstream;
  /** In the order of the spec; empty when the spec has none. A tool may be in several: then it needs the scopes of all. */
  readonly tools: readonly ToolRule[];
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

/** What the requests of one policy may have at a time, so that they leave something for those of others. */
export interface Shares {
  /** Admitted requests that are being answered. */
  readonly maxInFlightPerPolicy: number;
  /** Of these, answers that are event streams. */
  readonly maxStreamsPerPolicy: number;
  /** Bytes of a body, or of one message of an answer, that has to be read whole because of a tool rule. */
  readonly maxInspectedBytes: number;
  /** Bytes of all bodies and messages that are held for that. */
  readonly maxInspectedBytesPerPolicy: number;
  readonly maxInspectedBytesPerNamespace: number;
  readonly maxInspectedBytesInAll: number;
}

/** What finds the policy of a request. */
export interface RoutingTable {
  readonly hosts: HostRules;
  readonly allowedOrigins: readonly string[];
  /** By `ownHost` (or `''` for the shared hosts) + path, as {@link routeKey} makes it. */
  readonly routes: ReadonlyMap<string, CompiledPolicy>;
}

/** All compiled policies at one moment. Deeply frozen; replaced whole. */
export interface Snapshot extends RoutingTable {
  /** Content hash: equal digests enforce the same. */
  readonly digest: string;
  readonly shares: Shares;
  /** How long an upstream may take to begin its answer, and be silent inside one that is no event stream. */
  readonly upstreamPatienceSeconds: number;
  /** By `namespace/name`; only policies that own a resource. */
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
}

export function routeKey(ownHost: string | undefined, path: string): string {
  return `${ownHost ?? ''} ${path}`;
}
