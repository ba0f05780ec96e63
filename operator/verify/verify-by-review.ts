import type { TokenReviewConfig } from '../policy/verifier-config.ts';
import { isSubject } from './claims.ts';
import type { DenialReason } from './denial.ts';
import { claimsToBeJwt } from './jwt-parts.ts';
import { readToken } from './read-token.ts';
import type { Vouched } from './verdict.ts';
import type { VerifyPorts } from './verify-token.ts';

/** A token that does not say when it ends is believed so long, in seconds: a stream that it has opened ends then. */
const opaqueLifetimeSeconds = 600;
/** For a failure that does not say when to come again. */
const retryAfterSeconds = 5;
/** However long the API server wants to be left alone, callers may ask us again after this. */
const maxRetryAfterSeconds = 60;

/**
 * Lets the API server judge a token. What claims to be a JWT is judged as one first, so that a token for somebody else
 * is never shown to anybody; anything else is an opaque token, which only the API server can read.
 *
 * The audiences are sent, and one of them must come back: an authenticator that knows no audiences would take a token
 * that was made for another service.
 */
export async function verifyByReview(
  token: string,
  config: TokenReviewConfig,
  { reviews, clock }: VerifyPorts,
): Promise<Vouched> {
  const nowSeconds = clock.nowMs() / 1000;
  const outcome = claimsToBeJwt(token) ? readToken(token, config, nowSeconds) : undefined;
  if (outcome?.ok === false) return denied(outcome.reason);
  if (token.length > config.maxTokenBytes) return denied('token_malformed');
  const read = outcome?.read;
  const review = await reviews?.judge(token, config, read?.principal.expiresAt);
  if (review === undefined) return { kind: 'unavailable', retryAfterSeconds };
  if (review.kind === 'failed') {
    const asked = review.retryAfterSeconds ?? retryAfterSeconds;
    return { kind: 'unavailable', retryAfterSeconds: Math.min(asked, maxRetryAfterSeconds) };
  }
  if (review.kind === 'not-authenticated') return denied('token_inactive');
  const audiences = config.audiences.filter((audience) => review.audiences.includes(audience));
  if (audiences.length === 0) return denied('audience_mismatch');
  if (!isSubject(review.username)) return denied('claim_invalid');
  const believed = read?.principal ?? {
    issuer: config.issuer,
    scopes: [],
    expiresAt: Math.floor(nowSeconds) + opaqueLifetimeSeconds,
  };
  return {
    kind: 'vouched',
    payload: read?.payload ?? {},
    principal: { ...believed, subject: review.username, audiences },
  };
}

function denied(reason: DenialReason): Vouched {
  return { kind: 'denied', reason };
}
