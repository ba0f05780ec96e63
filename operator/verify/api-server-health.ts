import { backOffMs } from '../time/back-off.ts';
import type { Clock } from '../time/clock.ts';
import type { ReviewFailure, ReviewToken } from './review-token.ts';

/** What a status can say of the API server as a judge of tokens. */
export interface ApiServerState {
  /** Whether it has been asked at all. */
  readonly tried: boolean;
  readonly failure?: ReviewFailure;
}

export interface ApiServerHealth {
  state(): ApiServerState;
  /** Passes on to the API server, and takes note of what becomes of it. */
  readonly review: ReviewToken;
  /** Asks once if nothing has been asked yet. */
  start(): void;
  close(): void;
}

export interface ApiServerHealthParts {
  readonly review: ReviewToken;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Called when {@link ApiServerHealth.state} has changed. */
  readonly onChange: () => void;
}

/** Of no authenticator: the answer is a no, and that there is one is what counts. */
const probe = 'mcp-auth-operator-probe';
const backOff = { firstMs: 1_000, maxMs: 60_000 };

/**
 * Knows whether the API server judges tokens. A caller's review that fails does not yet make it unhealthy: it is asked
 * again at once, and that answer counts; then it is asked until it answers. While it answers it is never asked for
 * this alone.
 */
export function createApiServerHealth({
  review,
  clock,
  random,
  onChange,
}: ApiServerHealthParts): ApiServerHealth {
  const closing = new AbortController();
  let state: ApiServerState = { tried: false };
  let failures = 0;
  /** Which series of probes is under way: the answer to one of an earlier series is no news. */
  let series: object | undefined;
  let cancelTimer = (): void => undefined;

  function show(next: ApiServerState): void {
    const isSame = next.tried === state.tried && next.failure === state.failure;
    state = next;
    if (!isSame) onChange();
  }

  function noteAnswer(): void {
    failures = 0;
    series = undefined;
    cancelTimer();
    show({ tried: true });
  }

  async function runProbe(own: object): Promise<void> {
    const outcome = await review(probe, [], closing.signal);
    if (closing.signal.aborted || series !== own) return;
    if (outcome.kind !== 'failed') return noteAnswer();
    failures += 1;
    cancelTimer = clock.after(backOffMs(backOff, failures, random()), () => void runProbe(own));
    show({ tried: true, failure: outcome.failure });
  }

  function startProbing(): void {
    if (series !== undefined || closing.signal.aborted) return;
    const own = {};
    series = own;
    void runProbe(own);
  }

  return {
    state: () => state,
    async review(token, audiences, signal) {
      const outcome = await review(token, audiences, signal);
      if (outcome.kind === 'failed') startProbing();
      else noteAnswer();
      return outcome;
    },
    start() {
      if (!state.tried) startProbing();
    },
    close() {
      closing.abort();
      cancelTimer();
    },
  };
}
