import { isDeepStrictEqual } from 'node:util';
import { createClusterDocumentFetcher } from '../controller/cluster-documents.ts';
import { type ClusterIdentity, learnCluster } from '../controller/cluster-identity.ts';
import type { KubeApi } from '../controller/kube-api.ts';
import { createRequestToken } from '../controller/token-requests.ts';
import { createReviewToken } from '../controller/token-reviews.ts';
import type { ClusterFacts } from '../policy/inputs.ts';
import type { ApiServerMetrics } from '../telemetry/api-server-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import { backOffMs } from '../time/back-off.ts';
import type { Clock } from '../time/clock.ts';
import type { ClusterPorts } from './verification.ts';

export interface ClusterLinkParts {
  /** Of its own, so that callers' reviews never wait behind lists and status writes. */
  readonly api: KubeApi;
  /** The operator's namespace, where its own credentials do not tell its ServiceAccount. */
  readonly podNamespace?: string;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: ApiServerMetrics;
}

export interface ClusterLink {
  readonly ports: ClusterPorts;
  /**
   * Learns of the cluster, and tells each time that there is something new. Resolves when policies may be judged by it: when
   * the API server's own audiences are known, or will not be known soon. Not while the API server is away: the first
   * policies that come from it must not be judged without knowing what it keeps for itself.
   */
  learn(onFacts: (facts: ClusterFacts) => void): Promise<void>;
  close(): void;
}

/** The ServiceAccount of our manifests. */
const usualAccountName = 'mcp-auth-operator';
const backOff = { firstMs: 1_000, maxMs: 300_000 };
/** While nothing can be judged yet. */
const quickBackOff = { firstMs: 1_000, maxMs: 5_000 };
/** For an API server that answers, but does not review: the other modes must not wait for it for ever. */
const patienceMs = 30_000;

/** What the operator asks of its cluster, and what it knows of it. Nothing is asked before {@link ClusterLink.learn}. */
export function createClusterLink({
  api,
  podNamespace,
  clock,
  random,
  log,
  metrics,
}: ClusterLinkParts): ClusterLink {
  const requestToken = createRequestToken(api);
  const usualAccount =
    podNamespace === undefined ? undefined : { namespace: podNamespace, name: usualAccountName };
  const closing = new AbortController();
  let identity: ClusterIdentity | undefined;
  let told: ClusterFacts | undefined;
  let cancelRetry = (): void => undefined;
  let cancelPatience: (() => void) | undefined;

  const requestOwnToken: ClusterPorts['requestOwnToken'] = async (audience) => {
    const account = identity?.account ?? usualAccount;
    if (account === undefined) return { ok: false, why: 'NoAccount' };
    const requested = await requestToken(account, audience, closing.signal);
    if (requested.ok) return requested;
    const isRefused = requested.failure === 'Forbidden' || requested.failure === 'NotFound';
    return { ok: false, why: isRefused ? 'TokenRefused' : 'Unavailable' };
  };

  async function attempt(
    failures: number,
    onFacts: (facts: ClusterFacts) => void,
    release: () => void,
  ): Promise<void> {
    const learned = await learnCluster(api, { usualAccount, signal: closing.signal });
    if (closing.signal.aborted) return;
    identity = identity === undefined ? learned : addTo(identity, learned);
    tell(learned, failures, log);
    const facts = factsOf(identity);
    if (!isDeepStrictEqual(facts, told)) onFacts(facts);
    told = facts;
    if (isFinal(learned)) return release();
    if (!isHeldUp(learned)) release();
    else if (!isAway(learned)) cancelPatience ??= clock.after(patienceMs, release);
    const delayMs = backOffMs(isHeldUp(learned) ? quickBackOff : backOff, failures + 1, random());
    cancelRetry = clock.after(delayMs, () => void attempt(failures + 1, onFacts, release));
  }

  return {
    ports: {
      review: createReviewToken(api, metrics),
      requestOwnToken,
      fetchDocument: createClusterDocumentFetcher(api),
    },
    async learn(onFacts) {
      const { promise, resolve } = Promise.withResolvers<void>();
      closing.signal.addEventListener('abort', () => resolve(), { once: true });
      void attempt(0, onFacts, resolve);
      await promise;
    },
    close() {
      closing.abort();
      cancelRetry();
      cancelPatience?.();
      api.close();
    },
  };
}

function factsOf({ audiences, issuer }: ClusterIdentity): ClusterFacts {
  return { reviewsTokens: true, audiences, ...(issuer === undefined ? {} : { issuer }) };
}

/** What one attempt has learned is not lost because the next one fails. */
function addTo(known: ClusterIdentity, learned: ClusterIdentity): ClusterIdentity {
  const { audiences, account, issuer } = known;
  const isWorse = known.areAudiencesLearned && !learned.areAudiencesLearned;
  return {
    ...(account === undefined ? {} : { account }),
    ...(issuer === undefined ? {} : { issuer }),
    ...learned,
    ...(isWorse ? { audiences, areAudiencesLearned: true } : {}),
  };
}

/** Whether asking again could not tell more: with a client certificate there is no token to ask about. */
function isFinal({ areAudiencesLearned, reviewFailure, discoveryFailure }: ClusterIdentity): boolean {
  return (areAudiencesLearned || reviewFailure === 'NoToken') && !isOfAbsence(discoveryFailure);
}

/** Whether the audiences cannot be told just now, for a reason that passes. */
function isHeldUp({ areAudiencesLearned, reviewFailure, discoveryFailure }: ClusterIdentity): boolean {
  if (areAudiencesLearned) return false;
  return isOfAbsence(reviewFailure === 'NoToken' ? discoveryFailure : reviewFailure);
}

/** Nothing answers at all: there are no policies to be had either. */
function isAway(identity: ClusterIdentity): boolean {
  return isHeldUp(identity) && isOfAbsence(identity.discoveryFailure);
}

function isOfAbsence(failure: string | undefined): boolean {
  return failure === 'HTTPError' || failure === 'Timeout' || failure === 'TLSFailure';
}

function tell(identity: ClusterIdentity, failures: number, log: Logger): void {
  const { audiences, areAudiencesLearned, account, issuer, reviewFailure, discoveryFailure } = identity;
  if (areAudiencesLearned) {
    log.info('cluster known', {
      issuer,
      audiences: audiences.join(' '),
      account: account && `${account.namespace}/${account.name}`,
      discovery: discoveryFailure,
    });
    return;
  }
  log[failures === 0 ? 'warn' : 'debug'](
    isAway(identity)
      ? 'waiting for the API server'
      : "the API server's own audiences are not known: those of most clusters are reserved; name others in forbiddenAudiences",
    { why: reviewFailure, audiences: audiences.join(' ') },
  );
}
