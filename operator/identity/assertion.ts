import { type JWTPayload, SignJWT } from 'jose';
import { assertionType } from '../verify/jose-header.ts';
import { type Caller, letInUntil } from './caller.ts';
import type { SigningKey } from './signing-key.ts';

/** How long an assertion is good: one request on its way to the upstream. */
const lifetimeSeconds = 60;

export interface AssertionParts {
  /** Absent where none is configured: then the assertion is from the origin of the policy's resource. */
  readonly publicURL: string | undefined;
  readonly nowSeconds: number;
  /** Unique, for `jti`. */
  readonly id: string;
}

/** The value of `aud` for a policy: an assertion for one upstream is worth nothing at another. */
export function audienceOf({ namespace, name }: Caller['policy']): string {
  return `mcpauth.dev/policies/${namespace}/${name}`;
}

/** Signs what an upstream may know of a caller (RFC 7519, compact). */
export async function signAssertion(caller: Caller, key: SigningKey, parts: AssertionParts): Promise<string> {
  return await new SignJWT(claimsOf(caller, parts))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: assertionType })
    .sign(key.privateKey);
}

function claimsOf(caller: Caller, { publicURL, nowSeconds, id }: AssertionParts): JWTPayload {
  const { policy, principal } = caller;
  const { subject, issuer, clientId, scopes } = principal;
  const iat = Math.floor(nowSeconds);
  return {
    iss: publicURL ?? new URL(policy.resource).origin,
    aud: audienceOf(policy),
    sub: subject,
    subject_issuer: issuer,
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    iat,
    exp: Math.min(iat + lifetimeSeconds, Math.floor(letInUntil(caller))),
    jti: id,
  };
}
