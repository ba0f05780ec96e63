/** Why the API server did not judge a token; the reasons of the `IssuerReady` condition that can apply to it. */
export type ReviewFailure = 'Forbidden' | 'HTTPError' | 'InvalidDocument' | 'TLSFailure' | 'Timeout';

/** What the API server said about a token. What it says of the reasons quotes the token and is never kept. */
export type ReviewOutcome =
  | {
      readonly kind: 'authenticated';
      readonly username: string;
      /** Those of the asked audiences that the token is for; empty when the authenticator knows no audiences. */
      readonly audiences: readonly string[];
    }
  | { readonly kind: 'not-authenticated' }
  /** It could not be asked, or did not answer the question: nothing is known of the token. */
  | { readonly kind: 'failed'; readonly failure: ReviewFailure; readonly retryAfterSeconds?: number };

/**
 * Asks the cluster's API server about a token (TokenReview, `authentication.k8s.io/v1`). Never rejects.
 *
 * @param audiences - `spec.audiences`; empty asks for the API server's own.
 */
export type ReviewToken = (
  token: string,
  audiences: readonly string[],
  signal?: AbortSignal,
) => Promise<ReviewOutcome>;
