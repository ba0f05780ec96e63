import type { DecisionReason } from '../http/decision-reason.ts';
import type { ExchangeRecord } from '../http/exchange/exchange-record.ts';
import type { LogFields, Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { createTokenBucket, type TokenBucket } from '../time/token-bucket.ts';

/** What was decided about requests, and what they were answered, in the log. */
export interface AccessLog {
  note(record: ExchangeRecord): void;
}

interface AccessLogParts {
  readonly log: Logger;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** One in so many requests that are let in has a line; 0 for none. */
  readonly admittedOneIn: () => number;
}

/** Lines for a reason at once, and a second later again: nobody needs a good token to be refused. */
const burst = 20;
const perSecond = 1;
/** How often at most it is said how many lines a reason had too many. */
const leftOutMs = 60_000;

/** What is let in, or asked for and public. Nobody looks for each of these in a log. */
const sampled = new Set<DecisionReason>(['admitted', 'metadata', 'assertion_keys', 'preflight']);

/**
 * Writes a line for each refusal, and for some of what is let in. Without a good token nobody can fill the log: each reason
 * has a budget of lines, and what goes beyond is counted in a line of its own.
 */
export function createAccessLog({ log, clock, random, admittedOneIn }: AccessLogParts): AccessLog {
  const lines = new Map<DecisionReason, TokenBucket>();
  const leftOut = new Map<DecisionReason, number>();

  function isWithinBudget(reason: DecisionReason): boolean {
    const bucket = lines.get(reason) ?? createTokenBucket(clock, perSecond, burst);
    lines.set(reason, bucket);
    return bucket.take() === 0;
  }

  function isDrawn(oneIn: number): boolean {
    return oneIn > 0 && random() * oneIn < 1;
  }

  function leaveOut(reason: DecisionReason): void {
    const count = leftOut.get(reason) ?? 0;
    leftOut.set(reason, count + 1);
    if (count > 0) return;
    clock.after(leftOutMs, () => {
      log.info('access lines left out', { reason, count: leftOut.get(reason) });
      leftOut.delete(reason);
    });
  }

  return {
    note(record) {
      const { reason } = record;
      const isExpected = !hasFailed(record);
      if (sampled.has(reason) && isExpected && !isDrawn(admittedOneIn())) return;
      const isUnbounded = reason === 'admitted' && isExpected;
      if (isUnbounded || isWithinBudget(reason)) log.info('access', toFields(record));
      else leaveOut(reason);
    },
  };
}

function toFields({
  call,
  decisionSeconds,
  headSeconds,
  seconds,
  isCut,
  ...rest
}: ExchangeRecord): LogFields {
  return {
    reason: rest.reason,
    policy: rest.policy,
    method: rest.method,
    rpcMethod: call?.rpcMethod,
    tool: call?.tool,
    toldBy: call?.toldBy,
    status: rest.status,
    decisionSeconds: toMicroseconds(decisionSeconds),
    headSeconds: headSeconds === undefined ? undefined : toMicroseconds(headSeconds),
    seconds: toMicroseconds(seconds),
    traceId: rest.traceId,
    cut: isCut || undefined,
    upstream: rest.failure,
  };
}

/** Let in, and not answered as it should be: that is looked for. */
function hasFailed({ failure, status = 0 }: ExchangeRecord): boolean {
  return failure !== undefined || status >= 500;
}

/** Finer digits are noise. */
function toMicroseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
