import type { KeyObject } from 'node:crypto';
import type { IssuerFailure } from '../policy/observation.ts';

/** A public key that may verify signatures. */
export interface VerificationKey {
  readonly kid?: string;
  /** `alg` of the JWK: the only algorithm that the key may be used with, when it says one. */
  readonly alg?: string;
  readonly kty: 'RSA' | 'EC' | 'OKP';
  /** `crv` of the JWK for EC and OKP. */
  readonly crv?: string;
  readonly key: KeyObject;
}

/** Why an attempt to load keys has failed. */
export type KeyFailure = Exclude<IssuerFailure, 'KeysStale'>;

/** What is held at one moment. */
export interface KeySet {
  readonly keys: readonly VerificationKey[];
  /** Epoch milliseconds at which the fetch that brought them began; `Infinity` for keys given in a policy. */
  readonly fetchedAtMs: number;
  /** Short digest over the usable keys, independent of their order. */
  readonly digest: string;
  readonly jwksURI?: string;
}

/** What a status can say of a key source. */
export interface KeySourceState {
  /** Whether a first attempt has ended, either way. */
  readonly tried: boolean;
  readonly keySet?: KeySet;
  /** The last attempt's failure, or that the keys are too old; present also while an older key set is still used. */
  readonly failure?: IssuerFailure;
}

/** The outcome of asking a source to look again because a token did not fit what it holds. */
export type RefreshOutcome =
  /** A fetch has ended since the question was asked; look at {@link KeySource.current} again. */
  | { readonly kind: 'refreshed' }
  /** Asked too soon after the last attempt that was made because of such a question. */
  | { readonly kind: 'cooling-down'; readonly remainingSeconds: number }
  /** The attempt failed; older keys may still be held. */
  | { readonly kind: 'failed'; readonly retryAfterSeconds: number };

/** Keys of one issuer under one set of trust inputs. */
export interface KeySource {
  /** The keys that may be used now; undefined before the first success and when they are too old. */
  current(): KeySet | undefined;
  state(): KeySourceState;
  /** Looks again, at most once per cool-down whatever the outcome; concurrent callers share one fetch. */
  refresh(): Promise<RefreshOutcome>;
  /** Seconds after which asking again makes sense while nothing is held; at least 1. */
  retryAfterSeconds(): number;
}

/** Finds the source for a configuration. Verification depends on this alone, so a self-test can bring keys of its own. */
export type FindKeySource = (id: string) => KeySource | undefined;
