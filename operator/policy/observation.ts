import type { ReasonOf } from '../api/conditions.gen.ts';

/** What is known of a policy's keys. */
export type KeysObservation =
  | { readonly kind: 'pending' }
  | {
      readonly kind: 'loaded';
      readonly keys: number;
      readonly keySetDigest: string;
      readonly jwksURI?: string;
    }
  | { readonly kind: 'failed'; readonly reason: Exclude<ReasonOf<'IssuerReady'>, 'KeysLoaded' | 'Pending'> };

/** The outcome of a self-test. */
export interface SelfTestResult {
  /** Digest of the configuration that was tested. */
  readonly configDigest: string;
  readonly checks: number;
  /** Names of the cases that failed. */
  readonly failed: readonly string[];
}

/** What callers of one configuration met with, as far as a status shows it. */
export interface CallerFacts {
  /** Whether any was let in. */
  readonly hasAccepted: boolean;
  /** The denial reason that dominates, or `none`. Absent while not known: what was said before stands. */
  readonly dominantRejection?: string;
}

/** What was seen of one enforced policy since it was compiled. */
export interface Observation {
  readonly keys: KeysObservation;
  /** Absent until the self-test of this configuration has run. */
  readonly selfTest?: SelfTestResult;
  readonly callers?: CallerFacts;
}
