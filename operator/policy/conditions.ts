import type { ConditionType, ReasonOf } from '../api/conditions.gen.ts';
import type { Condition } from '../api/mcp-auth-policy.gen.ts';
import type { Outcome } from './finding.ts';
import type { IssuerFailure, Observation, Unanswered, Untested } from './observation.ts';

/** A condition before it has a time. */
interface Statement {
  readonly type: ConditionType;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

/**
 * All conditions of a policy, a pure function of what was found and seen. Messages hold no counts, times, addresses or
 * anything that an outbound fetch returned.
 *
 * @param observation - absent for a policy that is not enforced, or not yet.
 * @param previous - the conditions written before: their times are kept where `status` is the same.
 * @param now - RFC 3339.
 */
export function conditionsFor(
  outcome: Outcome,
  observation: Observation | undefined,
  previous: readonly Condition[],
  now: string,
): readonly Condition[] {
  const causes = [
    accepted(outcome),
    resolvedRefs(outcome),
    programmed(outcome, observation),
    issuerReady(outcome, observation),
    verified(outcome, observation),
  ].filter((statement) => statement !== undefined);
  const worst =
    causes.find(({ status }) => status === 'False') ?? causes.find(({ status }) => status !== 'True');
  const statements = [...causes, ...(worst === undefined ? [ready(observation)] : unready(worst))];
  return statements.map((statement) => stamp(statement, outcome.generation, previous, now));
}

function ready(observation: Observation | undefined): Statement {
  const note = observation?.lacksAssertion
    ? ' The operator has no --assertion-keys: its upstream gets no signed assertion, and sessions are not shared between replicas.'
    : '';
  return {
    type: 'Ready',
    status: 'True',
    reason: 'Ready' satisfies ReasonOf<'Ready'>,
    message: `The policy is enforced, its tokens can be judged, and its verification has been tested.${note}`,
  };
}

/** kstatus: Stalled and Reconciling are present only when true, and never both. */
function unready(worst: Statement): readonly Statement[] {
  const { reason, message } = worst;
  const stalled = worst.type === 'Accepted';
  return [
    { type: 'Ready', status: 'False', reason, message },
    { type: stalled ? 'Stalled' : 'Reconciling', status: 'True', reason, message },
  ];
}

function accepted({ refusal, sharesAudience }: Outcome): Statement {
  if (refusal !== undefined) {
    return { type: 'Accepted', status: 'False', reason: refusal.reason, message: refusal.message };
  }
  const note = sharesAudience
    ? ' A policy of another namespace accepts the same issuer and audience: a token for one opens the other.'
    : '';
  return {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: `The spec is valid and the policy owns its resource.${note}`,
  };
}

function resolvedRefs({ brokenRef, refusal }: Outcome): Statement | undefined {
  // A spec that cannot be read names nothing that could be looked for.
  if (refusal?.reason === 'Invalid') return undefined;
  if (brokenRef !== undefined) {
    return { type: 'ResolvedRefs', status: 'False', reason: brokenRef.reason, message: brokenRef.message };
  }
  return {
    type: 'ResolvedRefs',
    status: 'True',
    reason: 'Resolved',
    message: 'Everything that is named was found.',
  };
}

function programmed(outcome: Outcome, observation: Observation | undefined): Statement {
  const type = 'Programmed';
  if (isDenied(outcome)) {
    return { type, status: 'False', reason: 'NotReady', message: 'Every request is denied.' };
  }
  if (observation === undefined || observation.awaitsReplicas) {
    return {
      type,
      status: 'False',
      reason: 'Pending',
      message: 'Not every replica enforces this generation yet.',
    };
  }
  return {
    type,
    status: 'True',
    reason: 'Enforced',
    message: 'Every live replica enforces this generation.',
  };
}

function issuerReady(outcome: Outcome, observation: Observation | undefined): Statement {
  const type = 'IssuerReady';
  const issuer = observation?.issuer;
  if (isDenied(outcome) || issuer === undefined || issuer.kind === 'pending') {
    return { type, status: 'Unknown', reason: 'Pending', message: 'The issuer has not been asked yet.' };
  }
  switch (issuer.kind) {
    case 'failed':
      return { type, status: 'False', reason: issuer.reason, message: issuerMessages[issuer.reason] };
    case 'unanswered':
      return { type, status: 'False', reason: issuer.reason, message: reviewMessages[issuer.reason] };
    case 'answered':
      return { type, status: 'True', reason: 'Answered', message: 'The API server reviews tokens.' };
    case 'loaded':
      return { type, status: 'True', reason: 'KeysLoaded', message: 'Usable keys are held.' };
  }
}

function verified(outcome: Outcome, observation: Observation | undefined): Statement {
  const type = 'Verified';
  const tried = observation?.selfTest;
  if (isDenied(outcome) || tried === undefined) {
    return { type, status: 'Unknown', reason: 'Pending', message: 'The self-test has not run.' };
  }
  if (tried.kind === 'untested') {
    return { type, status: 'Unknown', reason: 'Pending', message: untestedMessages[tried.why] };
  }
  const { result } = tried;
  if (result.failed.length > 0) {
    const cases = result.failed.map(({ name, decision }) => `${name} was answered ${decision}`);
    const message = `The self-test failed: ${cases.join(', ')}.`;
    return { type, status: 'False', reason: 'SelfTestFailed', message };
  }
  const message = 'The self-test let a good token in and refused every bad one for its own reason.';
  return { type, status: 'True', reason: 'Passed', message };
}

const untestedMessages: Readonly<Record<Untested, string>> = {
  NoAccount:
    'The self-test needs a token for the operator itself: an administrator has to run it as a ServiceAccount, or to name its namespace with --pod-namespace.',
  TokenRefused:
    'The self-test needs a token for the operator itself: an administrator has to let it create serviceaccounts/token for its own ServiceAccount.',
  Unavailable: 'The self-test could not ask the API server; it will be tried again.',
};

const issuerMessages: Readonly<Record<IssuerFailure, string>> = {
  DNSFailure: 'The host name of the issuer, or of its keys, could not be resolved.',
  TLSFailure: 'The TLS connection failed: check the certificate and spec.caBundleRef.',
  Timeout: 'The issuer did not answer in time.',
  HTTPError:
    'The issuer could not be reached or did not answer with success: check spec.issuer and spec.discoveryURL.',
  InvalidDocument: 'The metadata or the key set is not a valid document.',
  IssuerMismatch:
    'The issuer goes by another name: spec.issuer must be equal to it in every character, as in its metadata.',
  AddressNotAllowed: "The administrator's outbound rules do not allow this connection.",
  TooLarge: 'The metadata or the key set is larger than is read.',
  NoUsableKeys: 'The key set holds no key that fits spec.algorithms.',
  KeysStale: 'The issuer has not answered for so long that its keys are no longer used.',
  Forbidden:
    "The API server does not let the operator read the cluster's keys: an administrator has to bind it to system:service-account-issuer-discovery.",
};

const reviewMessages: Readonly<Record<Unanswered, string>> = {
  Forbidden:
    'The API server does not let the operator review tokens: an administrator has to let it create tokenreviews.',
  HTTPError: 'The API server could not be asked to review tokens, or did not answer with success.',
  InvalidDocument: 'The API server answers with something that is no TokenReview.',
  IssuerMismatch:
    "The cluster's ServiceAccounts have another issuer: spec.issuer must be equal to it in every character.",
  TLSFailure:
    "The TLS connection to the API server failed: an administrator has to check the operator's kubeconfig.",
  Timeout: 'The API server did not answer a review in time.',
};

function isDenied({ refusal, brokenRef }: Outcome): boolean {
  return refusal !== undefined || brokenRef !== undefined;
}

function stamp(
  statement: Statement,
  observedGeneration: number,
  previous: readonly Condition[],
  now: string,
): Condition {
  const before = previous.find(({ type }) => type === statement.type);
  const lastTransitionTime = before?.status === statement.status ? before.lastTransitionTime : now;
  return { ...statement, lastTransitionTime, observedGeneration };
}
