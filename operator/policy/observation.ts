import type { ReasonOf } from '../api/conditions.gen.ts';

/** What is known of those who vouch for a policy's tokens: the issuer's keys, or the API server. */
export type IssuerObservation =
  | { readonly kind: 'pending' }
  /** The API server answers our TokenReviews. */
  | { readonly kind: 'answered' }
  | {
      readonly kind: 'loaded';
      readonly keys: number;
      readonly keySetDigest: string;
      readonly jwksURI?: string;
    }
  | { readonly kind: 'failed'; readonly reason: IssuerFailure }
  /** The API server does not, or its tokens are not those that the policy is about. */
  | { readonly kind: 'unanswered'; readonly reason: Unanswered };

/** The reasons of `IssuerReady` when it is false. */
export type IssuerFailure = Exclude<ReasonOf<'IssuerReady'>, 'KeysLoaded' | 'Answered' | 'Pending'>;

export type Unanswered = Extract<
  IssuerFailure,
  'Forbidden' | 'HTTPError' | 'InvalidDocument' | 'IssuerMismatch' | 'TLSFailure' | 'Timeout'
>;

/** The outcome of a self-test. */
export interface SelfTestResult {
  /** Digest of the configuration that was tested. */
  readonly configDigest: string;
  readonly checks: number;
  readonly failed: readonly FailedCase[];
}

export interface FailedCase {
  readonly name: string;
  /** What was decided instead of what must be: a reason of `docs/denials.md`, or `nothing`. */
  readonly decision: string;
}

/** Why a self-test could not be run. */
export type Untested =
  /** The operator does not run as a ServiceAccount for which it could ask a token. */
  | 'NoAccount'
  /** The API server does not give a token for the operator's own ServiceAccount. */
  | 'TokenRefused'
  /** The API server could not be asked. */
  | 'Unavailable';

export type SelfTestOutcome =
  | { readonly kind: 'tested'; readonly result: SelfTestResult }
  | { readonly kind: 'untested'; readonly why: Untested };

/** What callers of one configuration met with, as far as a status shows it. */
export interface CallerFacts {
  /** Whether any was let in. */
  readonly hasAccepted: boolean;
  /** The denial reason that dominates, or `none`. Absent while not known: what was said before stands. */
  readonly dominantRejection?: string;
}

/** What was seen of one enforced policy since it was compiled. */
export interface Observation {
  /** There is a live replica that does not enforce this configuration yet, or it is not known whether there is. */
  readonly awaitsReplicas?: true;
  /** There is an upstream, and no key to sign what it is told of callers. */
  readonly lacksAssertion?: true;
  readonly issuer: IssuerObservation;
  /** Absent until the self-test of this configuration has been tried. */
  readonly selfTest?: SelfTestOutcome;
  readonly callers?: CallerFacts;
}
