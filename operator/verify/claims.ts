import type { JsonObject } from '../json/json-object.ts';
import type { TokenRules } from '../policy/verifier-config.ts';
import type { DenialReason } from './denial.ts';
import type { Principal } from './verdict.ts';

export type ClaimsOutcome =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reason: DenialReason };

const maxAudiences = 64;
const maxSubjectLength = 255;

/** Marks of ID tokens (OpenID Connect Core 3.1.3.6, 3.3.2.11) and of Keycloak's other tokens. */
const idTokenClaims = ['at_hash', 'c_hash', 's_hash'];
/** Values of Keycloak's claim `typ` for tokens that are no access tokens. */
export const foreignPayloadTypes: readonly string[] = ['ID', 'Refresh', 'Offline', 'Logout'];

/**
 * Judges a claims set (RFC 7519 section 4, RFC 9068 section 4) apart from what the policy requires of a good token: see
 * {@link judgeRequirements}. The order matters: what makes a token foreign comes before what makes it bad.
 *
 * @param nowSeconds - epoch seconds, with a fraction.
 */
export function judgeClaims(payload: JsonObject, config: TokenRules, nowSeconds: number): ClaimsOutcome {
  const { iss, sub, exp } = payload;
  if (iss !== config.issuer) return { ok: false, reason: 'issuer_mismatch' };
  const audiences = readAudiences(payload.aud);
  if (audiences === undefined || !audiences.some((audience) => config.audiences.includes(audience))) {
    return { ok: false, reason: 'audience_mismatch' };
  }
  const refusal =
    judgeTimes(payload, config.clockSkewSeconds, nowSeconds) ??
    judgeKind(payload, config.tokenType) ??
    (isSubject(sub) ? undefined : 'claim_invalid');
  if (refusal !== undefined) return { ok: false, reason: refusal };
  const scopes = readScopes(payload.scope);
  if (scopes === undefined) return { ok: false, reason: 'claim_invalid' };
  const clientId = [payload.client_id, payload.azp].find((id) => typeof id === 'string');
  const principal = { issuer: iss, subject: sub as string, audiences, scopes, expiresAt: exp as number };
  return { ok: true, principal: clientId === undefined ? principal : { ...principal, clientId } };
}

/** What the policy requires of a token that is good in itself: a lack of it is 403, not 401. */
export function judgeRequirements(
  payload: JsonObject,
  principal: Principal,
  config: TokenRules,
): DenialReason | undefined {
  const hasClaims = config.requiredClaims.every(({ claim, values }) =>
    readValues(Object.hasOwn(payload, claim) ? payload[claim] : undefined).some(
      (value) => typeof value === 'string' && values.includes(value),
    ),
  );
  if (!hasClaims) return 'claim_mismatch';
  const hasScopes = hasAllScopes(principal.scopes, config.requiredScopes);
  return hasScopes ? undefined : 'scope_insufficient';
}

/** Scopes are compared byte for byte, and none implies another. */
export function hasAllScopes(granted: readonly string[], needed: readonly string[]): boolean {
  return needed.every((scope) => granted.includes(scope));
}

/** `exp` is required; `nbf` and `iat` are judged when present. Values beyond 2^53 are no times. */
function judgeTimes({ exp, nbf, iat }: JsonObject, skew: number, now: number): DenialReason | undefined {
  if (!isTime(exp) || (nbf !== undefined && !isTime(nbf)) || (iat !== undefined && !isTime(iat)))
    return 'claim_invalid';
  if (exp + skew <= now) return 'token_expired';
  if (nbf !== undefined && nbf - skew > now) return 'token_not_yet_valid';
  if (iat !== undefined && iat - skew > now) return 'token_not_yet_valid';
  return undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function judgeKind(payload: JsonObject, tokenType: TokenRules['tokenType']): DenialReason | undefined {
  // RFC 7800: a token that is bound to a key is no bearer token, and proofs of possession are not checked here.
  if (Object.hasOwn(payload, 'cnf')) return 'token_bound';
  if (tokenType === 'Any') return undefined;
  const isForeign =
    idTokenClaims.some((claim) => Object.hasOwn(payload, claim)) ||
    foreignPayloadTypes.some((type) => type === payload.typ);
  return isForeign ? 'type_not_allowed' : undefined;
}

/** Whether a claim `sub` can name somebody: a text of at most 255 characters without control characters. */
export function isSubject(sub: unknown): sub is string {
  return typeof sub === 'string' && sub !== '' && sub.length <= maxSubjectLength && !/\p{Cc}/u.test(sub);
}

/** A string or an array of strings (RFC 7519 section 4.1.3); undefined when it is anything else. */
function readAudiences(aud: unknown): readonly string[] | undefined {
  if (typeof aud === 'string') return [aud];
  if (!Array.isArray(aud) || aud.length === 0 || aud.length > maxAudiences) return undefined;
  return aud.every((member) => typeof member === 'string') ? aud : undefined;
}

/** Space-delimited (RFC 8693 section 4.2); undefined when the claim is there and is not a string. */
function readScopes(scope: unknown): readonly string[] | undefined {
  if (scope === undefined) return [];
  return typeof scope === 'string' ? scope.split(' ').filter((token) => token !== '') : undefined;
}

function readValues(claim: unknown): readonly unknown[] {
  return Array.isArray(claim) ? claim : [claim];
}
