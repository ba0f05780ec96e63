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
  | {
      readonly kind: 'static';
      readonly id: string;
      /** JWK Set as JSON text. */
      readonly jwks: string;
    };

/** Signature algorithms of JOSE that may be allowed; asymmetric only. */
export type Algorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519';

export interface RequiredClaim {
  readonly claim: string;
  readonly values: readonly string[];
}

/** How the tokens of one policy are verified as JWTs (RFC 7519, RFC 8725, RFC 9068). */
export interface JwtVerifierConfig {
  readonly mode: 'OIDC';
  readonly issuer: string;
  /** At least one; the token needs any of them. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly clockSkewSeconds: number;
  readonly tokenType: 'AccessToken' | 'Any';
  readonly requiredScopes: readonly string[];
  readonly requiredClaims: readonly RequiredClaim[];
  readonly maxTokenBytes: number;
  readonly keySource: KeySourceConfig;
}

/** A policy that cannot be compiled keeps its resource and lets nobody in. */
export interface DenyConfig {
  readonly mode: 'deny';
}

export type VerifierConfig = JwtVerifierConfig | DenyConfig;
