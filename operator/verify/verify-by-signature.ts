import type { JwtVerifierConfig } from '../policy/verifier-config.ts';
import { readToken } from './read-token.ts';
import { checkSignature } from './signature.ts';
import type { Vouched } from './verdict.ts';
import type { VerifyPorts } from './verify-token.ts';

/** Verifies a JWT with the keys of its policy. */
export async function verifyBySignature(
  token: string,
  config: JwtVerifierConfig,
  { findKeySource, clock }: VerifyPorts,
): Promise<Vouched> {
  const outcome = readToken(token, config, clock.nowMs() / 1000);
  if (!outcome.ok) return { kind: 'denied', reason: outcome.reason };
  const { header, payload, principal } = outcome.read;
  const source = findKeySource(config.keySource.id);
  if (source === undefined) return { kind: 'unavailable', retryAfterSeconds: 1 };
  const issuedAt = typeof payload.iat === 'number' ? { issuedAt: payload.iat } : {};
  const signature = await checkSignature({ token, header, ...issuedAt }, source);
  return signature.kind === 'valid' ? { kind: 'vouched', payload, principal } : signature;
}
