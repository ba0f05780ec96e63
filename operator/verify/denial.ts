/**
 * The closed list of reasons for which a request is refused: metric label, log field, golden value and row of
 * `docs/denials.md`. A client sees only the status and the RFC 6750 code.
 */
export const denials = {
  token_missing: { status: 401, description: 'send a bearer token' },
  request_invalid: {
    status: 400,
    error: 'invalid_request',
    description: 'send one Authorization header with one bearer token',
  },
  token_malformed: { status: 401, error: 'invalid_token', description: 'the token is not a well-formed JWT' },
  type_not_allowed: { status: 401, error: 'invalid_token', description: 'the token is not an access token' },
  alg_not_allowed: {
    status: 401,
    error: 'invalid_token',
    description: 'the signature algorithm is not accepted',
  },
  claim_invalid: { status: 401, error: 'invalid_token', description: 'a claim is missing or malformed' },
  issuer_mismatch: { status: 401, error: 'invalid_token', description: 'the token is from another issuer' },
  audience_mismatch: {
    status: 401,
    error: 'invalid_token',
    description: 'the token is for another audience',
  },
  token_expired: { status: 401, error: 'invalid_token', description: 'the token has expired' },
  token_not_yet_valid: { status: 401, error: 'invalid_token', description: 'the token is not valid yet' },
  token_bound: {
    status: 401,
    error: 'invalid_token',
    description: 'the token is bound to a key and cannot be used as a plain bearer token',
  },
  key_not_found: { status: 401, error: 'invalid_token', description: 'no key of the issuer fits the token' },
  signature_invalid: { status: 401, error: 'invalid_token', description: 'the signature is not valid' },
  token_inactive: {
    status: 401,
    error: 'invalid_token',
    description: 'the token is not known, has expired or was revoked',
  },
  claim_mismatch: {
    status: 403,
    error: 'insufficient_scope',
    description: 'the token lacks a claim value that this resource requires',
  },
  scope_insufficient: {
    status: 403,
    error: 'insufficient_scope',
    description: 'the token lacks a scope that this resource requires',
  },
} as const;

export type DenialReason = keyof typeof denials;

export function isDenialReason(text: string): text is DenialReason {
  return Object.hasOwn(denials, text);
}
