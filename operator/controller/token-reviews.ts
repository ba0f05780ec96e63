import { isJsonObject } from '../json/json-object.ts';
import type { ApiServerMetrics, ReviewOutcomeName } from '../telemetry/api-server-metrics.ts';
import type { ReviewOutcome, ReviewToken } from '../verify/review-token.ts';
import { toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { toReviewFailure } from './review-failure.ts';

const path = '/apis/authentication.k8s.io/v1/tokenreviews';

/** Makes the question of TokenReviews: one call each, without memory. */
export function createReviewToken(
  api: Pick<KubeApi, 'create'>,
  metrics?: Pick<ApiServerMetrics, 'countReview'>,
): ReviewToken {
  return async (token, audiences, signal) => {
    const outcome = await ask(api, token, audiences, signal);
    metrics?.countReview(outcomeNames[outcome.kind]);
    return outcome;
  };
}

const outcomeNames: Readonly<Record<ReviewOutcome['kind'], ReviewOutcomeName>> = {
  authenticated: 'authenticated',
  'not-authenticated': 'not_authenticated',
  failed: 'failed',
};

async function ask(
  api: Pick<KubeApi, 'create'>,
  ...[token, audiences, signal]: Parameters<ReviewToken>
): Promise<ReviewOutcome> {
  const review = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences },
  };
  try {
    return readReview(await api.create(path, review, signal));
  } catch (error) {
    const failed = toApiError(error);
    const { retryAfterSeconds } = failed;
    return {
      kind: 'failed',
      failure: toReviewFailure(failed),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    };
  }
}

/** `status.error` quotes the token's audiences: it is never looked at. */
function readReview(review: unknown): ReviewOutcome {
  const status = isJsonObject(review) ? review.status : undefined;
  if (!isJsonObject(status)) return { kind: 'failed', failure: 'InvalidDocument' };
  // Left out, not false, for a token that is not good.
  if (status.authenticated !== true) return { kind: 'not-authenticated' };
  const username = isJsonObject(status.user) ? status.user.username : undefined;
  if (typeof username !== 'string' || username === '') return { kind: 'failed', failure: 'InvalidDocument' };
  return { kind: 'authenticated', username, audiences: readAudiences(status.audiences) };
}

function readAudiences(audiences: unknown): readonly string[] {
  const isList = Array.isArray(audiences) && audiences.every((audience) => typeof audience === 'string');
  return isList ? audiences : [];
}
