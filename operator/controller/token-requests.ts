import { isJsonObject } from '../json/json-object.ts';
import type { ReviewFailure } from '../verify/review-token.ts';
import { toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { objectPath } from './resource.ts';
import { toReviewFailure } from './review-failure.ts';
import { type ServiceAccountName, serviceAccounts } from './service-account.ts';

/** `NotFound`: there is no such ServiceAccount. */
export type TokenRequestOutcome =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly failure: ReviewFailure | 'NotFound' };

/**
 * Asks the API server for a token of a ServiceAccount, for one audience, or else its own, and ten minutes (TokenRequest,
 * `authentication.k8s.io/v1`). Never rejects.
 */
export type RequestToken = (
  account: ServiceAccountName,
  audience: string | undefined,
  signal?: AbortSignal,
) => Promise<TokenRequestOutcome>;

/** The shortest time that an API server takes. */
const expirationSeconds = 600;

export function createRequestToken(api: Pick<KubeApi, 'create'>): RequestToken {
  return async (account, audience, signal) => {
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: audience === undefined ? [] : [audience], expirationSeconds },
    };
    try {
      return readIssuedToken(
        await api.create(`${objectPath(serviceAccounts, account)}/token`, request, signal),
      );
    } catch (error) {
      const failed = toApiError(error);
      return { ok: false, failure: failed.code === 404 ? 'NotFound' : toReviewFailure(failed) };
    }
  };
}

function readIssuedToken(request: unknown): TokenRequestOutcome {
  const status = isJsonObject(request) ? request.status : undefined;
  const token = isJsonObject(status) ? status.token : undefined;
  return typeof token === 'string' && token !== ''
    ? { ok: true, token }
    : { ok: false, failure: 'InvalidDocument' };
}
