import type { FindKeySource } from '../keys/key-source.ts';
import type { JwtVerifierConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { judgeClaims, judgeRequirements } from './claims.ts';
import type { DenialReason } from './denial.ts';
import { type JoseHeader, judgeHeader } from './jose-header.ts';
import { type JsonObject, readJwtParts } from './jwt-parts.ts';
import { checkSignature } from './signature.ts';
import type { Principal, Verdict } from './verdict.ts';

export interface VerifyPorts {
  readonly findKeySource: FindKeySource;
  readonly clock: Clock;
}

/** Denials and admissions as seen from the gate: one function, so that a self-test can hold a broken one. */
export type VerifyToken = (token: string, config: JwtVerifierConfig) => Promise<Verdict>;

/**
 * Builds the verifier of access tokens in JWT form (RFC 7519, RFC 8725, RFC 9068).
 *
 * Everything that the token alone can show is judged before its signature, so that foreign and expired tokens cost
 * neither a signature check nor a fetch of keys; nothing of it is believed, or leaves this function, before the signature
 * has been found good. A token is expired before it is short of a scope (401 before 403).
 */
export function createTokenVerifier({ findKeySource, clock }: VerifyPorts): VerifyToken {
  return async (token, config) => {
    const judged = judgeUnsigned(token, config, clock.nowMs() / 1000);
    if (!judged.ok) return denied(judged.reason);
    const source = findKeySource(config.keySource.id);
    if (source === undefined) return { kind: 'unavailable', retryAfterSeconds: 1 };
    const { header, payload, principal } = judged;
    const issuedAt = typeof payload.iat === 'number' ? { issuedAt: payload.iat } : {};
    const signature = await checkSignature({ token, header, ...issuedAt }, source);
    if (signature.kind !== 'valid') return signature;
    const lack = judgeRequirements(payload, principal, config);
    return lack === undefined ? { kind: 'admitted', principal } : denied(lack);
  };
}

type UnsignedOutcome =
  | {
      readonly ok: true;
      readonly header: JoseHeader;
      readonly payload: JsonObject;
      readonly principal: Principal;
    }
  | { readonly ok: false; readonly reason: DenialReason };

function judgeUnsigned(token: string, config: JwtVerifierConfig, nowSeconds: number): UnsignedOutcome {
  const parts = token.length > config.maxTokenBytes ? undefined : readJwtParts(token);
  if (parts === undefined) return { ok: false, reason: 'token_malformed' };
  const { payload } = parts;
  const header = judgeHeader(parts.header, config);
  if (!header.ok) return header;
  const claims = judgeClaims(payload, config, nowSeconds);
  return claims.ok ? { ok: true, header: header.header, payload, principal: claims.principal } : claims;
}

function denied(reason: DenialReason): Verdict {
  return { kind: 'denied', reason };
}
