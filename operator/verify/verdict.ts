import type { JsonObject } from '../json/json-object.ts';
import type { DenialReason } from './denial.ts';

/** The verified subject of a token: what the rest of the program may know about a caller. Never the token itself. */
export interface Principal {
  readonly issuer: string;
  readonly subject: string;
  /** `client_id`, else `azp`. */
  readonly clientId?: string;
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/** A token that the issuer, or the API server, has been found to stand for; what the policy requires is not judged yet. */
export type Vouched =
  | {
      readonly kind: 'vouched';
      /** The claims; empty for an opaque token. */
      readonly payload: JsonObject;
      readonly principal: Principal;
    }
  | Exclude<Verdict, { readonly kind: 'admitted' }>;

/** The answer about one token. A refusal is a value; anything thrown is a bug. */
export type Verdict =
  | { readonly kind: 'admitted'; readonly principal: Principal }
  | { readonly kind: 'denied'; readonly reason: DenialReason }
  /** It cannot be decided now: 503, never 401. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };
