import type { JsonObject } from '../json/json-object.ts';
import type { TokenRules } from '../policy/verifier-config.ts';
import { judgeClaims } from './claims.ts';
import type { DenialReason } from './denial.ts';
import { type JoseHeader, judgeHeader } from './jose-header.ts';
import { readJwtParts } from './jwt-parts.ts';
import type { Principal } from './verdict.ts';

/** What a token says of itself. Nobody has vouched for it yet. */
export interface ReadToken {
  readonly header: JoseHeader;
  readonly payload: JsonObject;
  readonly principal: Principal;
}

export type ReadOutcome =
  | { readonly ok: true; readonly read: ReadToken }
  | { readonly ok: false; readonly reason: DenialReason };

/**
 * Judges everything that a JWT alone can show: foreign and expired tokens then cost neither a signature check nor a
 * fetch of keys nor a review.
 */
export function readToken(token: string, rules: TokenRules, nowSeconds: number): ReadOutcome {
  const parts = token.length > rules.maxTokenBytes ? undefined : readJwtParts(token);
  if (parts === undefined) return { ok: false, reason: 'token_malformed' };
  const { payload } = parts;
  const header = judgeHeader(parts.header, rules);
  if (!header.ok) return header;
  const claims = judgeClaims(payload, rules, nowSeconds);
  if (!claims.ok) return claims;
  return { ok: true, read: { header: header.header, payload, principal: claims.principal } };
}
