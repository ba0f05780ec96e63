import type { JwkSet } from '../../identity/assertion-keys.ts';
import type { CompiledPolicy, RoutingTable } from '../../policy/snapshot.ts';
import { readBearerToken } from '../../verify/bearer-token.ts';
import type { DenialReason } from '../../verify/denial.ts';
import type { Principal } from '../../verify/verdict.ts';
import type { VerifyToken } from '../../verify/verify-token.ts';
import { type Answer, refuse, unavailable } from '../answer.ts';
import { challenge } from '../challenge.ts';
import type { DecisionReason } from '../decision-reason.ts';
import { headerValues, type RequestHead } from '../request-head.ts';
import { answerAssertionKeys } from './assertion-keys.ts';
import { isPreflight, judgeOrigin, preflightAnswer } from './cors.ts';
import { answerMetadata } from './resource-metadata.ts';
import { findRoute } from './route.ts';

export type Decision =
  /** Nothing of the request reaches what is behind the gate. */
  | {
      readonly kind: 'answer';
      readonly answer: Answer;
      readonly reason: DecisionReason;
      readonly policy?: CompiledPolicy;
    }
  | {
      readonly kind: 'admit';
      readonly policy: CompiledPolicy;
      readonly principal: Principal;
      /** To be added to whatever is answered. */
      readonly headers: Readonly<Record<string, string>>;
    };

/** Decides on a request by its head alone; the body has not been read. */
export type Gate = (head: RequestHead, snapshot: RoutingTable) => Promise<Decision>;

/** How long a client should wait for a policy that denies: its author has to mend it. */
const denyRetrySeconds = 30;
const policyDenies = 'This resource is not available: its policy is not in force.';

/** @param currentKeys - the key set that verifies assertions; undefined when none are made. */
export function createGate(
  verifyToken: VerifyToken,
  currentKeys: () => JwkSet | undefined = () => undefined,
): Gate {
  return async (head, snapshot) => {
    const route = findRoute(head, snapshot);
    switch (route.kind) {
      case 'invalid':
        return answer(refuse(400, 'The request target or the Host header is not valid.'), 'request_invalid');
      case 'misdirected':
        return answer(refuse(421, 'This host is not served here.'), 'host_not_allowed');
      case 'not_found':
        return answer(refuse(404, 'Not found.'), 'path_not_found');
      case 'assertion_keys':
        return answer(answerAssertionKeys(head.method, currentKeys()), 'assertion_keys');
      case 'metadata':
        return answer(answerMetadata(head.method, route.policy), 'metadata', route.policy);
    }
    const { policy } = route;
    const origin = judgeOrigin(head, snapshot.allowedOrigins);
    if (origin.kind === 'refused') {
      return answer(refuse(403, 'This origin may not call.'), 'origin_not_allowed', policy);
    }
    const headers = origin.kind === 'allowed' ? origin.headers : {};
    if (origin.kind === 'allowed' && isPreflight(head))
      return answer(preflightAnswer, 'preflight', policy, headers);
    const credentials = readCredentials(head, route.target.query);
    return decide(credentials, policy, headers);
  };

  async function decide(
    credentials: ReturnType<typeof readCredentials>,
    policy: CompiledPolicy,
    headers: Readonly<Record<string, string>>,
  ): Promise<Decision> {
    const { verifier } = policy;
    if (verifier.mode === 'deny')
      return answer(unavailable(denyRetrySeconds, policyDenies), 'policy_denies', policy, headers);
    if (credentials.kind === 'none') return deny('token_missing', policy, headers);
    if (credentials.kind === 'invalid') return deny('request_invalid', policy, headers);
    const verdict = await verifyToken(credentials.token, verifier);
    switch (verdict.kind) {
      case 'admitted':
        return { kind: 'admit', policy, principal: verdict.principal, headers };
      case 'denied':
        return deny(verdict.reason, policy, headers);
      case 'unavailable':
        return answer(
          unavailable(verdict.retryAfterSeconds),
          verifier.mode === 'TokenReview' ? 'review_unavailable' : 'keys_unavailable',
          policy,
          headers,
        );
    }
  }
}

/**
 * The token comes from the `Authorization` header only. One in the query or in a form body is never honoured (OAuth 2.1
 * section 5.1), and beside one in the header it makes the request malformed (RFC 6750 section 2).
 */
function readCredentials(head: RequestHead, query: string): ReturnType<typeof readBearerToken> {
  const credentials = readBearerToken(headerValues(head, 'authorization'));
  if (credentials.kind !== 'token') return credentials;
  const isForm = headerValues(head, 'content-type').some((type) =>
    /^\s*application\/x-www-form-urlencoded/i.test(type),
  );
  return isForm || new URLSearchParams(query).has('access_token') ? { kind: 'invalid' } : credentials;
}

function deny(
  reason: DenialReason,
  policy: CompiledPolicy,
  headers: Readonly<Record<string, string>>,
): Decision {
  return answer(challenge(reason, policy), reason, policy, headers);
}

function answer(
  response: Answer,
  reason: DecisionReason,
  policy?: CompiledPolicy,
  headers: Readonly<Record<string, string>> = {},
): Decision {
  return {
    kind: 'answer',
    answer: { ...response, headers: { ...response.headers, ...headers } },
    reason,
    ...(policy === undefined ? {} : { policy }),
  };
}
