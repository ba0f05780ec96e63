import type { JsonObject } from '../json/json-object.ts';
import type { Algorithm, TokenRules } from '../policy/verifier-config.ts';
import type { DenialReason } from './denial.ts';

/** What of a JOSE header is used. */
export interface JoseHeader {
  readonly alg: Algorithm;
  readonly kid?: string;
}

export type HeaderOutcome =
  | { readonly ok: true; readonly header: JoseHeader }
  | { readonly ok: false; readonly reason: DenialReason };

type HeaderConfig = Pick<TokenRules, 'algorithms' | 'tokenType'>;

const maxKidLength = 256;

/**
 * Members that bring keys, or a way to read the token, of the sender's choice. Keys come from the policy's issuer only,
 * and no extension is understood (RFC 7515 section 4.1.11), so their presence is reason enough.
 */
const refusedMembers = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'cty', 'enc'];

/** RFC 9068 section 2.1, RFC 7519 section 5.1; compared without case, `application/` may be left out. */
const accessTokenTypes = ['at+jwt', 'jwt'];

/** `typ` of what we sign for upstreams. It says who a caller is, and is no credential: not even for a policy that trusts our keys. */
export const assertionType = 'mcp-assertion+jwt';

/** Tokens that are made for something else and must never open a resource, whatever the policy says. */
const foreignTypes = [
  assertionType,
  'logout+jwt',
  'dpop+jwt',
  'secevent+jwt',
  'token-introspection+jwt',
  'oauth-id-jag+jwt',
  'oauth-authz-req+jwt',
  'client-authentication+jwt',
  'entity-statement+jwt',
  'kb+jwt',
];

/** Judges a JOSE header by RFC 8725 and the policy. The algorithm is the policy's to allow, never the token's. */
export function judgeHeader(header: JsonObject, config: HeaderConfig): HeaderOutcome {
  const alg = config.algorithms.find((allowed) => allowed === header.alg);
  if (alg === undefined) return { ok: false, reason: 'alg_not_allowed' };
  if (refusedMembers.some((member) => Object.hasOwn(header, member)))
    return { ok: false, reason: 'token_malformed' };
  if (!isTypeAllowed(header.typ, config.tokenType)) return { ok: false, reason: 'type_not_allowed' };
  const { kid } = header;
  if (kid === undefined) return { ok: true, header: { alg } };
  if (typeof kid !== 'string' || kid.length > maxKidLength) return { ok: false, reason: 'token_malformed' };
  return { ok: true, header: { alg, kid } };
}

function isTypeAllowed(typ: unknown, tokenType: HeaderConfig['tokenType']): boolean {
  if (typ === undefined) return true;
  if (typeof typ !== 'string') return false;
  const type = typ.toLowerCase().replace(/^application\//, '');
  return tokenType === 'Any' ? !foreignTypes.includes(type) : accessTokenTypes.includes(type);
}
