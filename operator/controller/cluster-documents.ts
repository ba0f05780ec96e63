import { parseStrictUrl } from '../api/strict-url.ts';
import type { DocumentOutcome, FetchClusterDocument } from '../keys/outbound.ts';
import { type ApiError, toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { toReviewFailure } from './review-failure.ts';

/**
 * Makes the getting of the API server's own documents. A path must be one that can be read in one way only, without a
 * query; others are `AddressNotAllowed`, since the request carries our credentials.
 */
export function createClusterDocumentFetcher(api: Pick<KubeApi, 'getBytes'>): FetchClusterDocument {
  return async (path, maxBytes, signal) => {
    if (!isPlainPath(path)) return { ok: false, failure: 'AddressNotAllowed', answered: false };
    try {
      return { ok: true, body: await api.getBytes(path, maxBytes, signal) };
    } catch (error) {
      return describeFailure(toApiError(error));
    }
  };
}

function isPlainPath(path: string): boolean {
  return /^\/(?!\/)/.test(path) && parseStrictUrl(`https://api.invalid${path}`)?.path === path;
}

function describeFailure(error: ApiError): DocumentOutcome {
  if (error.reason === 'TooLarge') return { ok: false, failure: 'TooLarge', answered: true };
  return { ok: false, failure: toReviewFailure(error), answered: error.code !== 0 };
}
