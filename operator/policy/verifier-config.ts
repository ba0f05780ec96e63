import type { Algorithm, RequiredClaim, TokenType } from '../api/mcp-auth-policy.gen.ts';
import type { OutboundRule } from './outbound-rule.ts';

/**
 * Where keys come from, with everything that decides whether they can be trusted. Two policies share keys only when
 * these values are equal in every member.
 */
export type KeySourceConfig =
  | {
      readonly kind: 'discovery';
      readonly id: string;
      readonly issuer: string;
      readonly discoveryURL?: string;
      readonly caPem?: string;
      /** The rules that apply to the namespace of the policy. */
      readonly outbound: readonly OutboundRule[];
    }
  | {
      readonly kind: 'uri';
      readonly id: string;
      readonly uri: string;
      readonly caPem?: string;
      readonly outbound: readonly OutboundRule[];
    }
  /** The cluster's own issuer, whose documents are had over the API connection. */
  | {
      readonly kind: 'cluster';
      readonly id: string;
      readonly issuer: string;
    }
  | {
      readonly kind: 'static';
      readonly id: string;
      /** JWK Set as JSON text. */
      readonly jwks: string;
    };

export type { Algorithm, RequiredClaim };

/** What the tokens of one policy must be as JWTs, whoever vouches for the signature (RFC 7519, RFC 8725, RFC 9068). */
export interface TokenRules {
  readonly issuer: string;
  /** At least one; the token needs any of them. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly clockSkewSeconds: number;
  readonly tokenType: TokenType;
  readonly requiredScopes: readonly string[];
  readonly requiredClaims: readonly RequiredClaim[];
  readonly maxTokenBytes: number;
}

/** Signatures are checked with keys. */
export interface JwtVerifierConfig extends TokenRules {
  readonly mode: 'OIDC' | 'Offline';
  readonly keySource: KeySourceConfig;
}

/** Tokens are judged by the cluster's API server. */
export interface TokenReviewConfig extends TokenRules {
  readonly mode: 'TokenReview';
  /** Of the policy: namespaces take turns at the API server. */
  readonly namespace: string;
  /** `namespace/name`: what the API server said for one policy is never believed for another. */
  readonly policy: string;
}

/** A policy that cannot be compiled keeps its resource and lets nobody in. */
export interface DenyConfig {
  readonly mode: 'deny';
}

export type EnforcedConfig = JwtVerifierConfig | TokenReviewConfig;
export type VerifierConfig = EnforcedConfig | DenyConfig;
