import { parseStrictUrl } from '../api/strict-url.ts';
import { isJsonObject } from '../json/json-object.ts';
import { parseStrictJson } from '../json/strict-json.ts';
import { maxMetadataBytes } from '../keys/discovery.ts';
import type { KeyFailure } from '../keys/key-source.ts';
import { clusterMetadataPath } from '../keys/load-keys.ts';
import { wellKnownAudiences } from '../policy/inputs.ts';
import { readJwtParts } from '../verify/jwt-parts.ts';
import type { ReviewFailure } from '../verify/review-token.ts';
import { toApiError } from './api-error.ts';
import { createClusterDocumentFetcher } from './cluster-documents.ts';
import type { KubeApi } from './kube-api.ts';
import { toReviewFailure } from './review-failure.ts';
import { readServiceAccountUser, type ServiceAccountName } from './service-account.ts';
import { createRequestToken } from './token-requests.ts';
import { createReviewToken } from './token-reviews.ts';

/** What the operator knows of the cluster, and of itself in it. */
export interface ClusterIdentity {
  /** Audiences of tokens that open the API server; never empty. */
  readonly audiences: readonly string[];
  /** When false the audiences hold the well-known defaults, which may not be those of this cluster. */
  readonly areAudiencesLearned: boolean;
  /** Our own ServiceAccount, when we are one. */
  readonly account?: ServiceAccountName;
  /** Issuer of the cluster's ServiceAccount tokens; an https URL. */
  readonly issuer?: string;
  /** Why the review of our own token did not tell the audiences. */
  readonly reviewFailure?: OwnReviewFailure;
  /** Why the API server's discovery document did not tell the issuer. */
  readonly discoveryFailure?: KeyFailure;
}

/** `NoToken`: our credentials are of another kind. */
export type OwnReviewFailure = ReviewFailure | 'NoToken' | 'NotAuthenticated' | 'NoAudiences';

type Api = Pick<KubeApi, 'create' | 'getBytes' | 'ownToken'>;

export interface LearnOptions {
  /** The account to ask a token for when our credentials do not tell who we are. */
  readonly usualAccount?: ServiceAccountName | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Learns what it can in one attempt. The API server is asked about our own token; what it does not say is read from that
 * token, which needs no proof: it is ours. Never rejects.
 */
export async function learnCluster(api: Api, options: LearnOptions = {}): Promise<ClusterIdentity> {
  const { usualAccount, signal } = options;
  const [{ review, claims }, discovery] = await Promise.all([
    learnFromToken(api, signal),
    discoverIssuer(api, signal),
  ]);
  const account = review.account ?? claims.account;
  const own = await learnFromRequest(api, account ?? usualAccount, signal);
  const told = [...review.audiences, ...claims.audiences, ...own];
  // A token that the API server does not know is no evidence of its audiences.
  const areAudiencesLearned = told.length > 0 && review.failure !== 'NotAuthenticated';
  const issuer = discovery.issuer ?? claims.issuer;
  return {
    audiences: [...new Set([...told, ...(areAudiencesLearned ? [] : wellKnownAudiences)])],
    areAudiencesLearned,
    ...(account === undefined ? {} : { account }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(review.failure === undefined ? {} : { reviewFailure: review.failure }),
    ...(discovery.failure === undefined ? {} : { discoveryFailure: discovery.failure }),
  };
}

interface OwnReview {
  readonly audiences: readonly string[];
  readonly account?: ServiceAccountName | undefined;
  readonly failure?: OwnReviewFailure;
}

/** What our token says, if it is that of a ServiceAccount: what others' say of audiences is not about the API server. */
interface OwnClaims {
  readonly audiences: readonly string[];
  readonly account?: ServiceAccountName | undefined;
  readonly issuer?: string | undefined;
}

const nothing: OwnClaims = { audiences: [] };

async function learnFromToken(
  api: Api,
  signal?: AbortSignal,
): Promise<{ readonly review: OwnReview; readonly claims: OwnClaims }> {
  try {
    const token = await api.ownToken(signal);
    if (token === undefined) return { review: { audiences: [], failure: 'NoToken' }, claims: nothing };
    return { review: await reviewOwnToken(api, token, signal), claims: readOwnClaims(token) };
  } catch (error) {
    const failure = toReviewFailure(toApiError(error));
    return { review: { audiences: [], failure }, claims: nothing };
  }
}

async function reviewOwnToken(api: Api, token: string, signal?: AbortSignal): Promise<OwnReview> {
  const outcome = await createReviewToken(api)(token, [], signal);
  switch (outcome.kind) {
    case 'failed':
      return { audiences: [], failure: outcome.failure };
    case 'not-authenticated':
      return { audiences: [], failure: 'NotAuthenticated' };
    case 'authenticated': {
      const { audiences } = outcome;
      const account = readServiceAccountUser(outcome.username);
      return { audiences, account, ...(audiences.length === 0 ? { failure: 'NoAudiences' } : {}) };
    }
  }
}

function readOwnClaims(token: string): OwnClaims {
  const { sub, aud, iss } = readJwtParts(token)?.payload ?? {};
  const account = readServiceAccountUser(sub);
  if (account === undefined) return nothing;
  const audiences = [aud].flat().filter((audience) => typeof audience === 'string');
  return { audiences, account, issuer: toIssuer(iss) };
}

/**
 * A token that is asked for without audiences is for all of the API server's own. The one that we have, or what a review
 * says of it, may be for some of them only.
 */
async function learnFromRequest(
  api: Api,
  account: ServiceAccountName | undefined,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (account === undefined) return [];
  const requested = await createRequestToken(api)(account, undefined, signal);
  return requested.ok ? readOwnClaims(requested.token).audiences : [];
}

interface Discovery {
  readonly issuer?: string;
  readonly failure?: KeyFailure;
}

async function discoverIssuer(api: Api, signal?: AbortSignal): Promise<Discovery> {
  const fetch = createClusterDocumentFetcher(api);
  const fetched = await fetch(clusterMetadataPath, maxMetadataBytes, signal);
  if (!fetched.ok) return { failure: fetched.failure };
  const parsed = parseStrictJson(fetched.body);
  const issuer = parsed.ok && isJsonObject(parsed.value) ? toIssuer(parsed.value.issuer) : undefined;
  return issuer === undefined ? { failure: 'InvalidDocument' } : { issuer };
}

/** Only an https URL: tokens of another issuer (`kubernetes/serviceaccount`, in old ones) are for no policy. */
function toIssuer(issuer: unknown): string | undefined {
  return typeof issuer === 'string' && parseStrictUrl(issuer)?.scheme === 'https' ? issuer : undefined;
}
