import { createHash } from 'node:crypto';
import type { TokenReviewConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { startDeadline, untilAborted } from '../time/deadline.ts';
import { createTurns } from '../time/turns.ts';
import type { ReviewOutcome, ReviewToken } from './review-token.ts';

/** Asks about the tokens of callers, sparingly. */
export interface ReviewMemory {
  /**
   * @param expiresAt - epoch seconds; undefined when the token does not say.
   */
  judge(token: string, config: TokenReviewConfig, expiresAt: number | undefined): Promise<ReviewOutcome>;
}

/** How long a good answer is believed: a revoked token is let in no longer than this. */
const memoryMs = 10_000;
const maxRemembered = 10_000;
/** Reviews under way at the same time. */
const concurrency = 8;
/** Callers in one line that wait for a turn: more are told to come again. */
const maxWaiting = 256;
/** For everything, the wait for a turn included. */
const deadlineMs = 5_000;

const timeout: ReviewOutcome = { kind: 'failed', failure: 'Timeout', retryAfterSeconds: 1 };

/**
 * Remembers good answers for a short time, asks once for all who bring the same token at the same time, and lets
 * namespaces take turns, so that a flood of tokens for one does not keep the callers of another waiting. Within a
 * namespace there are three lines: tokens that were good before, those that say what they are, and opaque ones, which
 * anybody can make up.
 *
 * What is remembered is found by a digest of the token together with the policy and its audiences: an answer for one
 * policy is never an answer for another.
 */
export function createReviewMemory(review: ReviewToken, clock: Clock): ReviewMemory {
  const takeTurn = createTurns(concurrency, deadlineMs, clock);
  const underWay = new Map<string, Promise<ReviewOutcome>>();
  const waiting = new Map<string, number>();
  /** Answers that are too old are kept to know the tokens by. */
  const remembered = new Map<string, { readonly outcome: ReviewOutcome; readonly untilMs: number }>();

  function recall(key: string): ReviewOutcome | undefined {
    const known = remembered.get(key);
    return known !== undefined && known.untilMs > clock.monotonicMs() ? known.outcome : undefined;
  }

  function remember(key: string, outcome: ReviewOutcome, expiresAt: number | undefined): void {
    const leftMs = expiresAt === undefined ? memoryMs : expiresAt * 1000 - clock.nowMs();
    if (outcome.kind !== 'authenticated' || leftMs <= 0) return;
    remembered.delete(key);
    remembered.set(key, { outcome, untilMs: clock.monotonicMs() + Math.min(memoryMs, leftMs) });
    const [oldest] = remembered.keys();
    if (oldest !== undefined && remembered.size > maxRemembered) remembered.delete(oldest);
  }

  async function ask(token: string, line: string, audiences: readonly string[]): Promise<ReviewOutcome> {
    const count = waiting.get(line) ?? 0;
    if (count >= maxWaiting) return timeout;
    waiting.set(line, count + 1);
    const deadline = startDeadline(clock, deadlineMs);
    const turn = takeTurn(line);
    try {
      await untilAborted(turn, deadline.signal);
      return await review(token, audiences, deadline.signal);
    } catch {
      return timeout;
    } finally {
      deadline.end();
      void turn.then((endTurn) => endTurn());
      const left = (waiting.get(line) ?? 1) - 1;
      if (left === 0) waiting.delete(line);
      else waiting.set(line, left);
    }
  }

  return {
    async judge(token, config, expiresAt) {
      const key = keyOf(token, config);
      const known = recall(key);
      if (known !== undefined) return known;
      const kind = remembered.has(key) ? 'known' : expiresAt === undefined ? 'opaque' : 'jwt';
      const line = `${config.namespace} ${kind}`;
      const asked =
        underWay.get(key) ?? ask(token, line, config.audiences).finally(() => underWay.delete(key));
      underWay.set(key, asked);
      const outcome = await asked;
      remember(key, outcome, expiresAt);
      return outcome;
    },
  };
}

/** The token itself is not kept in memory. */
function keyOf(token: string, { policy, audiences }: TokenReviewConfig): string {
  return createHash('sha256')
    .update(JSON.stringify([policy, audiences, token]))
    .digest('base64');
}
