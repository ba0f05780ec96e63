import type { ReviewFailure } from '../verify/review-token.ts';
import type { ApiError } from './api-error.ts';

/**
 * Tells a failed call in the words of the `IssuerReady` condition. `Forbidden` is about our own credentials: 401 (they
 * are refused) and 403 (they do not suffice). Any other answer, also one of 4xx, says nothing of what was asked.
 */
export function toReviewFailure({ code, reason }: ApiError): ReviewFailure {
  if (code !== 0) return code === 401 || code === 403 ? 'Forbidden' : 'HTTPError';
  switch (reason) {
    case 'Aborted':
    case 'Timeout':
      return 'Timeout';
    case 'MalformedBody':
    case 'TooLarge':
      return 'InvalidDocument';
    case 'TLSFailed':
      return 'TLSFailure';
    default:
      return 'HTTPError';
  }
}
