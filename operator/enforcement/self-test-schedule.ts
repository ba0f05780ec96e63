import type { SelfTestOutcome } from '../policy/observation.ts';
import type { EnforcedPolicy, SelfTest } from '../self-test/self-test.ts';
import { backOffMs } from '../time/back-off.ts';
import type { Clock } from '../time/clock.ts';
import { sleep } from '../time/deadline.ts';
import { createTokenBucket } from '../time/token-bucket.ts';
import { createTurns } from '../time/turns.ts';

/** A policy that is enforced, and the verdict on this very configuration that was stored by an earlier process. */
export interface TestedPolicy {
  readonly policy: EnforcedPolicy;
  readonly storedVerdict?: SelfTestOutcome;
}

export interface SelfTestSchedule {
  /** Tests what has not been tested; configurations that are not named are forgotten. */
  retain(policies: readonly TestedPolicy[]): void;
  /** Undefined until the configuration with this digest has been tried. */
  outcomeOf(digest: string): SelfTestOutcome | undefined;
  close(): void;
}

export interface SelfTestScheduleParts {
  readonly selfTest: SelfTest;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Called when an outcome has come. */
  readonly onOutcome: (policy: EnforcedPolicy, outcome: SelfTestOutcome) => void;
}

/** Callers come first: tests are few at a time, and this many in a second at most. */
const concurrency = 2;
const perSecond = 100;
const turnMs = 30_000;
const backOff = { firstMs: 5_000, maxMs: 300_000 };
/** A quarter of an hour in all: the API server may fail us for a passing reason, but it is not asked for ever. */
const maxRetriesOfFailed = 8;

/**
 * Runs self-tests one after the other, namespaces taking turns. A configuration is tested once; only a test that could not
 * be run, or for a while one that the API server has made fail, is tried again, later and later.
 */
export function createSelfTestSchedule({
  selfTest,
  clock,
  random,
  onOutcome,
}: SelfTestScheduleParts): SelfTestSchedule {
  const takeTurn = createTurns(concurrency, turnMs, clock);
  const budget = createTokenBucket(clock, perSecond);
  const closing = new AbortController();
  let outcomes = new Map<string, SelfTestOutcome | undefined>();
  /** By digest: what takes back the next try. */
  const retries = new Map<string, () => void>();

  async function run(policy: EnforcedPolicy, failures: number): Promise<void> {
    const endTurn = await takeTurn(policy.namespace);
    try {
      await untilAffordable();
      if (!outcomes.has(policy.digest) || closing.signal.aborted) return;
      const outcome = await tryTest(policy);
      if (!outcomes.has(policy.digest) || closing.signal.aborted) return;
      outcomes.set(policy.digest, outcome);
      if (mayPass(policy, outcome, failures)) tryAgain(policy, failures + 1);
      onOutcome(policy, outcome);
    } finally {
      endTurn();
    }
  }

  async function untilAffordable(): Promise<void> {
    for (let waitMs = budget.take(); waitMs > 0 && !closing.signal.aborted; waitMs = budget.take()) {
      await sleep(clock, waitMs, closing.signal);
    }
  }

  /** A test that stumbles has shown nothing: it has failed. */
  async function tryTest(policy: EnforcedPolicy): Promise<SelfTestOutcome> {
    try {
      return await selfTest(policy);
    } catch {
      const failed = [{ name: 'self-test', decision: 'nothing' }];
      return { kind: 'tested', result: { configDigest: policy.digest, checks: 0, failed } };
    }
  }

  function tryAgain(policy: EnforcedPolicy, failures: number): void {
    const cancel = clock.after(backOffMs(backOff, failures, random()), () => {
      retries.delete(policy.digest);
      void run(policy, failures);
    });
    retries.set(policy.digest, cancel);
  }

  function forget(digest: string): void {
    retries.get(digest)?.();
    retries.delete(digest);
  }

  return {
    retain(policies) {
      const known = outcomes;
      outcomes = new Map(
        policies.map(({ policy: { digest }, storedVerdict }) => [
          digest,
          known.has(digest) ? known.get(digest) : storedVerdict,
        ]),
      );
      for (const digest of retries.keys()) if (!outcomes.has(digest)) forget(digest);
      for (const { policy, storedVerdict } of policies) {
        if (!known.has(policy.digest) && storedVerdict === undefined) void run(policy, 0);
      }
    },
    outcomeOf: (digest) => outcomes.get(digest),
    close() {
      closing.abort();
      for (const digest of retries.keys()) forget(digest);
    },
  };
}

/** Whether another try may end otherwise. Where only keys are at work the outcome is always the same. */
function mayPass({ verifier }: EnforcedPolicy, outcome: SelfTestOutcome, failures: number): boolean {
  if (outcome.kind === 'untested') return true;
  const hasFailed = outcome.result.failed.length > 0;
  return hasFailed && verifier.mode === 'TokenReview' && failures < maxRetriesOfFailed;
}
