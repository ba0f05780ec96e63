// Generated from crds/mcpauthpolicies.yaml by `npm run generate`; do not edit.

import type { ObjectMeta } from './kubernetes-object.ts';

export const GROUP = 'mcpauth.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = 'mcpauth.dev/v1alpha1';
export const KIND = 'McpAuthPolicy';
export const PLURAL = 'mcpauthpolicies';

/**
 * McpAuthPolicy says who may call one MCP server: which issuer's bearer tokens are accepted, for which
 * audience, and how they are verified. Anything that is not clearly allowed by an accepted policy is refused.
 */
export interface McpAuthPolicy {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly metadata: ObjectMeta;
  /**
   * What the author of the policy asks for. A spec that is not valid is answered with `Accepted=False` and
   * its resource with 503; an older version of the spec is never kept in force.
   */
  readonly spec: McpAuthPolicySpec;
  /**
   * What the operator found. Written by the operator only. It speaks about the generation in
   * `observedGeneration`, which is -1 until the operator has looked at the object.
   */
  readonly status?: McpAuthPolicyStatus;
}

/**
 * What the author of the policy asks for. A spec that is not valid is answered with `Accepted=False` and its
 * resource with 503; an older version of the spec is never kept in force.
 */
export interface McpAuthPolicySpec {
  /**
   * The authorization server whose tokens are accepted: the exact string of the token's `iss` claim and of
   * the `issuer` member of its metadata. Compared byte for byte, never normalised: a trailing slash counts.
   * An https URL with a lower-case host and without user, query or fragment. When it is wrong no token is
   * accepted, and `IssuerReady` says `IssuerMismatch` if the metadata names another issuer; in mode
   * TokenReview it is compared with the issuer of the cluster's ServiceAccounts.
   */
  readonly issuer: string;
  /**
   * The value that the token's `aud` claim must contain, compared byte for byte. Usually the public URL of
   * the protected resource. There is no wildcard, and no way to accept tokens without an audience. An
   * audience that the administrator has forbidden is answered with `AudienceForbidden`.
   */
  readonly audience: string;
  /**
   * How tokens are verified. `OIDC`: by the issuer's keys, found by discovery (RFC 8414 or OpenID Connect
   * Discovery), cached and rotated. `TokenReview`: by the cluster's API server, which is told the accepted
   * audiences and must name one of them; a JWT is judged by the other fields first, any other token is shown
   * to the API server as it is. Where there is no API server it is `Unsupported`. `Offline`: by keys given in
   * the policy, without any network use. There is no default: the author chooses.
   */
  readonly mode: Mode;
  /**
   * Further accepted `aud` values, for authorization servers that put an application id there. A token needs
   * one of them, or `audience`. Default: none.
   */
  readonly additionalAudiences?: readonly string[];
  /**
   * The public URL of the protected resource, published verbatim in its metadata (RFC 9728); clients compare
   * it with the URL they call. Default: `<publicURL>/<namespace>/<name>/mcp`. It must lie under
   * `<publicURL>/<namespace>/` or under a host that the administrator gave to this namespace, and not under
   * `/.well-known` or `/forward-auth`, otherwise `ResourceNotAllowed`. No trailing slash, query or fragment;
   * plain http only for loopback hosts.
   */
  readonly resource?: string;
  /**
   * Where the authorization server's metadata is fetched instead of the locations derived from `issuer`
   * (split horizon). The document's `issuer` must still equal `issuer`. Only for mode OIDC. Default: derived.
   */
  readonly discoveryURL?: string;
  /**
   * Where the keys are, instead of what discovery finds: exactly one of `uri`, `inline`, `configMapRef`.
   * Required for mode Offline (there without `uri`), optional for OIDC, refused for TokenReview.
   */
  readonly jwks?: Jwks;
  /**
   * A key of a ConfigMap in the same namespace that holds PEM certificates. They replace the public
   * certificate authorities on every outbound connection made for this policy: to its issuer, and to its
   * `upstream` when that speaks TLS. The modes Offline and TokenReview, and the cluster's own issuer, need no
   * connection to an issuer. Missing: `RefNotFound`. Not PEM certificates: `InvalidRef`. Default: the public
   * certificate authorities.
   */
  readonly caBundleRef?: ConfigMapKeyRef;
  /**
   * Signature algorithms that are accepted (RFC 7518, RFC 8037, RFC 9864). Asymmetric ones only; the token
   * never chooses. When no key of the issuer fits any of them, `IssuerReady` says `NoUsableKeys`.
   */
  readonly algorithms: readonly Algorithm[];
  /**
   * How far the clocks of the issuer and of the operator may differ when `exp`, `nbf` and `iat` are judged.
   * Minutes and seconds, such as `60s` or `1m30s`; at most `5m`.
   */
  readonly clockSkew: string;
  /**
   * Scopes that every request needs, also to list tools. A token without one of them is answered with 403
   * `insufficient_scope`, and a client is told to ask for them. A token that is no JWT (mode TokenReview) has
   * none. Default: none.
   */
  readonly requiredScopes?: readonly string[];
  /**
   * Claims that every token needs. All entries must hold. A good token for which one does not is answered
   * with 403. A token that is no JWT (mode TokenReview) has none. Default: none.
   */
  readonly requiredClaims?: readonly RequiredClaim[];
  /**
   * Scopes per tool, besides `requiredScopes`: a caller without them cannot call the named tools (403
   * `insufficient_scope`) and does not see them in `tools/list`. A tool that several entries name needs the
   * scopes of all of them; one that no entry names needs no more than `requiredScopes`. These scopes are not
   * published in the resource metadata: a client learns of them when it needs them. Default: none.
   */
  readonly tools?: readonly ToolScopes[];
  /**
   * The MCP server behind this policy; it need not be changed. Requests that are let in are sent there, with
   * their path replaced by `service.path`. Nothing of the caller's credentials is forwarded, neither the
   * token nor cookies. The server trusts whoever reaches it: let a NetworkPolicy keep all others than the
   * operator away from its pods. Absent: the built-in MCP server answers.
   */
  readonly upstream?: Upstream;
  /**
   * `AccessToken`: tokens that are known to be something else are refused, by their `typ` (only `at+jwt`,
   * `JWT` or none is accepted) and by the marks of ID and refresh tokens. `Any`: for issuers that use other
   * types; logout, DPoP, security event and similar tokens are still refused.
   */
  readonly tokenType: TokenType;
}

/**
 * How tokens are verified. `OIDC`: by the issuer's keys, found by discovery (RFC 8414 or OpenID Connect
 * Discovery), cached and rotated. `TokenReview`: by the cluster's API server, which is told the accepted
 * audiences and must name one of them; a JWT is judged by the other fields first, any other token is shown to
 * the API server as it is. Where there is no API server it is `Unsupported`. `Offline`: by keys given in the
 * policy, without any network use. There is no default: the author chooses.
 */
export type Mode = 'OIDC' | 'TokenReview' | 'Offline';

/**
 * Where the keys are, instead of what discovery finds: exactly one of `uri`, `inline`, `configMapRef`.
 * Required for mode Offline (there without `uri`), optional for OIDC, refused for TokenReview.
 */
export interface Jwks {
  /**
   * An https URL that answers with a JWK Set (RFC 7517). Fetched, cached and rotated like discovered keys.
   */
  readonly uri?: string;
  /**
   * A JWK Set (RFC 7517) as JSON text. Only public asymmetric keys are used; when none is usable
   * `IssuerReady` says `NoUsableKeys`, when it is not a key set `InvalidDocument`.
   */
  readonly inline?: string;
  /**
   * A key of a ConfigMap in the same namespace that holds a JWK Set as JSON text. Missing: `RefNotFound`. Not
   * a key set: `InvalidRef`.
   */
  readonly configMapRef?: ConfigMapKeyRef;
}

/**
 * A key of a ConfigMap in the same namespace that holds a JWK Set as JSON text. Missing: `RefNotFound`. Not a
 * key set: `InvalidRef`.
 */
export interface ConfigMapKeyRef {
  /** Name of the ConfigMap. */
  readonly name: string;
  /** Key in the ConfigMap's `data`. */
  readonly key: string;
}

export type Algorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA' | 'Ed25519';

export interface RequiredClaim {
  /** Name of a top-level claim. Its value must be a string, or an array of strings. */
  readonly claim: string;
  /** Accepted values, compared byte for byte. The claim must have, or contain, one of them. */
  readonly values: readonly string[];
}

export interface ToolScopes {
  /**
   * Names of tools, compared byte for byte. `*` is every tool that no entry names; without it, tools that
   * nobody has named, new ones of the server among them, are open to every caller.
   */
  readonly names: readonly string[];
  /** Scopes that a call of these tools needs, all of them. */
  readonly scopes: readonly string[];
}

/**
 * The MCP server behind this policy; it need not be changed. Requests that are let in are sent there, with
 * their path replaced by `service.path`. Nothing of the caller's credentials is forwarded, neither the token
 * nor cookies. The server trusts whoever reaches it: let a NetworkPolicy keep all others than the operator
 * away from its pods. Absent: the built-in MCP server answers.
 */
export interface Upstream {
  /**
   * A Service in the same namespace. It is read and its ClusterIP dialled, never a DNS name. Missing:
   * `RefNotFound`. Of type ExternalName, headless, without a selector or without the port: `InvalidRef`, and
   * so when it becomes so later; every request is then denied. Anybody who may write Services, pods or
   * EndpointSlices in the namespace decides what is behind it. Outside of a cluster the administrator's
   * `serviceAddresses` says where it is.
   */
  readonly service: UpstreamService;
}

/**
 * A Service in the same namespace. It is read and its ClusterIP dialled, never a DNS name. Missing:
 * `RefNotFound`. Of type ExternalName, headless, without a selector or without the port: `InvalidRef`, and so
 * when it becomes so later; every request is then denied. Anybody who may write Services, pods or
 * EndpointSlices in the namespace decides what is behind it. Outside of a cluster the administrator's
 * `serviceAddresses` says where it is.
 */
export interface UpstreamService {
  /** Name of the Service. */
  readonly name: string;
  /**
   * Port of the Service, for TCP. Where its `appProtocol` is `https`, TLS is spoken, and the certificate must
   * be for `<service>.<namespace>.svc`, from an authority in `caBundleRef`. Without `appProtocol`, and for
   * `http`, `kubernetes.io/ws`, `mcp` and `<domain>/mcp`, it is plain HTTP; any other: `InvalidRef`.
   */
  readonly port: number;
  /** Path of the MCP endpoint on that Service; it replaces that of the request. */
  readonly path: string;
}

/**
 * `AccessToken`: tokens that are known to be something else are refused, by their `typ` (only `at+jwt`, `JWT`
 * or none is accepted) and by the marks of ID and refresh tokens. `Any`: for issuers that use other types;
 * logout, DPoP, security event and similar tokens are still refused.
 */
export type TokenType = 'AccessToken' | 'Any';

/**
 * What the operator found. Written by the operator only. It speaks about the generation in
 * `observedGeneration`, which is -1 until the operator has looked at the object.
 */
export interface McpAuthPolicyStatus {
  /** The `metadata.generation` that this status is about. */
  readonly observedGeneration?: number;
  /** What is known of the policy, one entry a type. Wait for `Ready`. */
  readonly conditions?: readonly Condition[];
  /** The URL that clients call. Absent when the policy owns none. */
  readonly resource?: string;
  /** Where the protected resource metadata (RFC 9728) is published. */
  readonly resourceMetadataURL?: string;
  /** What is known of the authorization server. */
  readonly issuer?: IssuerStatus;
  /** The last self-test, and whether callers get through. */
  readonly verification?: Verification;
}

export interface Condition {
  /**
   * The closed list of condition types:
   * - Accepted: The spec is valid and this policy owns its resource.
   * - ResolvedRefs: Every object that the policy names exists and parses.
   * - IssuerReady: Usable keys are held, or the API server answers our reviews. Stays true through an outage
   * of the issuer while the keys may be used.
   * - Programmed: Every live replica enforces this generation with the objects it names and the
   * administrator's configuration.
   * - Verified: The last self-test of this configuration passed: a good token was let in and every bad one
   * was refused for its own reason.
   * - Ready: All of the above. The one to wait for.
   * - Reconciling: Present and true while the operator works towards Ready.
   * - Stalled: Present and true when only a change of the spec, or of what an administrator decides, can
   * help.
   */
  readonly type: string;
  /** Whether the condition holds. */
  readonly status: ConditionStatus;
  /**
   * Why, in one word. The closed list:
   * - Accepted/Accepted: The spec is valid and this policy owns its resource.
   * - Accepted/Invalid: A field of the spec is wrong; the message names it and the fix.
   * - Accepted/Conflicted: An older policy owns the resource.
   * - Accepted/IssuerNotAllowed: The administrator does not allow this issuer in this namespace.
   * - Accepted/AudienceForbidden: An audience is one that the administrator, or the cluster's API server,
   * keeps for itself.
   * - Accepted/ResourceNotAllowed: The resource is not under a URL that belongs to this namespace.
   * - Accepted/LimitExceeded: The namespace has more policies, or names larger ConfigMap values, than the
   * administrator allows; the newest are refused.
   * - Accepted/Unsupported: This version, or this way of running the operator, cannot do what the spec asks.
   * - ResolvedRefs/Resolved: Every named object was found and parses, or none is named.
   * - ResolvedRefs/RefNotFound: A named object, or the key in it, does not exist.
   * - ResolvedRefs/InvalidRef: A named object exists but is not what it must be, or does not hold what it
   * must.
   * - IssuerReady/KeysLoaded: Usable keys are held.
   * - IssuerReady/Answered: Mode TokenReview: the API server answers the operator's reviews.
   * - IssuerReady/DNSFailure: The host of the issuer, or of its keys, could not be resolved.
   * - IssuerReady/TLSFailure: The TLS connection failed; often the certificate is not from a trusted
   * authority.
   * - IssuerReady/Timeout: The answer did not come in time.
   * - IssuerReady/HTTPError: The connection failed or the answer was not a success.
   * - IssuerReady/InvalidDocument: The answer is not the document that it must be.
   * - IssuerReady/IssuerMismatch: The metadata names another issuer.
   * - IssuerReady/AddressNotAllowed: The administrator's outbound rules do not allow the connection.
   * - IssuerReady/TooLarge: The document is larger than is read.
   * - IssuerReady/NoUsableKeys: The key set holds no key that fits the accepted algorithms.
   * - IssuerReady/KeysStale: The issuer has not answered for so long that its keys are no longer used.
   * - IssuerReady/Forbidden: The API server does not let the operator review tokens, or read the cluster's
   * own keys.
   * - IssuerReady/Pending: Not tried yet.
   * - Programmed/Enforced: Every live replica enforces this generation.
   * - Programmed/Pending: Not every replica enforces this generation yet.
   * - Programmed/NotReady: Nothing but a refusal is enforced, because an earlier condition is false.
   * - Verified/Passed: A good token was let in and every bad one was refused for its own reason.
   * - Verified/SelfTestFailed: A case of the self-test failed; `status.verification.failed` names it.
   * - Verified/Pending: The self-test of this configuration has not run.
   * - Ready/Ready: Everything holds.
   * When Ready is not true its reason, like that of Reconciling and Stalled, is the reason of the most severe
   * cause.
   */
  readonly reason: string;
  /** One sentence for a person. */
  readonly message: string;
  /** When `status` last changed. */
  readonly lastTransitionTime: string;
  /** The generation that this condition is about. */
  readonly observedGeneration?: number;
}

/** Whether the condition holds. */
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** What is known of the authorization server. */
export interface IssuerStatus {
  /**
   * Where the keys come from; a path of the API server for the cluster's own. Absent when they are given in
   * the policy, and in mode TokenReview.
   */
  readonly jwksURI?: string;
  /** How many usable keys are held. */
  readonly keys?: number;
  /** Short digest over the usable keys; changes when they are rotated. */
  readonly keySetDigest?: string;
}

/** The last self-test, and whether callers get through. */
export interface Verification {
  /** Digest of the configuration that was tested. */
  readonly configDigest?: string;
  /** Version of the operator that tested it. */
  readonly operatorVersion?: string;
  /** How many cases were run. */
  readonly checks?: number;
  /** Names of the cases that failed. Empty when all passed. */
  readonly failed?: readonly string[];
  /** When the outcome for this configuration was first seen. */
  readonly time?: string;
  /** When this configuration was first seen to let a caller in. Absent while it has not. */
  readonly firstAcceptedTime?: string;
  /**
   * The most frequent reason why callers are refused, found anew every ten minutes at most. Taken back when
   * callers are let in and none is refused any more. A request without a token is no refusal here.
   */
  readonly rejections?: Rejections;
}

/**
 * The most frequent reason why callers are refused, found anew every ten minutes at most. Taken back when
 * callers are let in and none is refused any more. A request without a token is no refusal here.
 */
export interface Rejections {
  /** The denial reason; see docs/denials.md. */
  readonly reason?: string;
  /** Since when it is seen to be the most frequent. */
  readonly since?: string;
}
