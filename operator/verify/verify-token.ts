import type { FindKeySource } from '../keys/key-source.ts';
import type { EnforcedConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { judgeRequirements } from './claims.ts';
import type { ReviewMemory } from './review-memory.ts';
import type { Verdict } from './verdict.ts';
import { verifyByReview } from './verify-by-review.ts';
import { verifyBySignature } from './verify-by-signature.ts';

export interface VerifyPorts {
  readonly findKeySource: FindKeySource;
  /** Absent without an API server. */
  readonly reviews?: ReviewMemory;
  readonly clock: Clock;
}

/** Denials and admissions as seen from the gate: one function, so that a self-test can hold a broken one. */
export type VerifyToken = (token: string, config: EnforcedConfig) => Promise<Verdict>;

/**
 * Builds the verifier of access tokens: JWTs (RFC 7519, RFC 8725, RFC 9068) by their signature, or whatever the API
 * server knows by its review.
 *
 * Nothing of a token is believed, or leaves this function, before somebody has vouched for it. What the policy requires
 * on top is judged last: a token is expired before it is short of a scope (401 before 403).
 */
export function createTokenVerifier(ports: VerifyPorts): VerifyToken {
  return async (token, config) => {
    const vouched =
      config.mode === 'TokenReview'
        ? await verifyByReview(token, config, ports)
        : await verifyBySignature(token, config, ports);
    if (vouched.kind !== 'vouched') return vouched;
    const { payload, principal } = vouched;
    const lack = judgeRequirements(payload, principal, config);
    return lack === undefined ? { kind: 'admitted', principal } : { kind: 'denied', reason: lack };
  };
}
