/**
 * What callers of each enforced configuration meet with, as far as a status shows it. Callers must not be able to write to
 * the API server at will, so a status learns of them by these rules only:
 *
 * - The first admission of a configuration is told, once.
 * - Rejections are counted by reason. `token_missing` is none: every OAuth flow begins with it.
 * - Half a minute after a rejection the counts are looked at, and begin anew. The most frequent reason is the one to show;
 *   of equally frequent ones the one that is shown already, else the first by name.
 * - They are also looked at ten minutes after an admission. If nobody was rejected meanwhile, nothing is to be shown any
 *   more. Without callers what is shown stays.
 * - Between two looks at one configuration lie ten minutes at least, and so between two changes.
 * - A configuration that is not enforced any more is forgotten.
 */
import type { DecisionReason } from '../http/decision-reason.ts';
import type { CallerFacts } from '../policy/observation.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import type { Clock } from '../time/clock.ts';
import { type DenialReason, isDenialReason } from '../verify/denial.ts';

export interface CallerMemory {
  /** Takes note of a decision, at a cost that does not grow with the number of policies. */
  note(reason: DecisionReason, policy: CompiledPolicy | undefined): void;
  /** Undefined for a configuration that is not enforced. */
  factsOf(policy: CompiledPolicy): CallerFacts | undefined;
  /** Begins to remember what is enforced now, and forgets the rest. */
  keepOnly(snapshot: Snapshot): void;
  /** Looks no more. */
  close(): void;
}

type Shown = DenialReason | 'none';

/** What is known of one configuration. */
interface Memory {
  hasAccepted: boolean;
  /** Undefined before the first look. */
  shown: Shown | undefined;
  /** Rejections since the last look. */
  readonly counts: Map<DenialReason, number>;
  lastLookMs: number;
  /** Infinite while no look is due. */
  nextLookMs: number;
}

/** Soon enough for somebody who tries out a new policy, and late enough to have seen a few callers. */
const lookAfterRejectionMs = 30_000;
const betweenLooksMs = 600_000;
/** Telling makes all statuses be computed again, which callers must not cause all the time. */
const betweenTellingsMs = 1000;

/** @param onChange - called when facts may have changed, at most once a second. */
export function createCallerMemory(clock: Clock, onChange: () => void): CallerMemory {
  // By digest, which covers namespace and name too.
  let memories = new Map<string, Memory>();
  let hasNews = false;
  let wakeMs = Number.POSITIVE_INFINITY;
  let cancelWake = (): void => undefined;

  return {
    note(reason, policy) {
      const memory = policy && memories.get(policy.digest);
      if (memory === undefined) return;
      if (reason === 'admitted') noteAdmission(memory);
      else if (isDenialReason(reason) && reason !== 'token_missing') noteRejection(memory, reason);
    },
    factsOf({ digest }) {
      const memory = memories.get(digest);
      if (memory === undefined) return undefined;
      const { hasAccepted, shown } = memory;
      return { hasAccepted, ...(shown === undefined ? {} : { dominantRejection: shown }) };
    },
    keepOnly({ policies }) {
      const before = memories;
      const enforced = [...policies.values()].filter(({ verifier }) => verifier.mode !== 'deny');
      memories = new Map(enforced.map(({ digest }) => [digest, before.get(digest) ?? createMemory()]));
    },
    close() {
      cancelWake();
      // Whatever is planned from now on comes too late.
      wakeMs = Number.NEGATIVE_INFINITY;
    },
  };

  function noteAdmission(memory: Memory): void {
    if (!memory.hasAccepted) {
      memory.hasAccepted = true;
      hasNews = true;
      wakeAt(clock.monotonicMs() + betweenTellingsMs);
    }
    if (memory.shown !== 'none') planLook(memory, betweenLooksMs);
  }

  function noteRejection(memory: Memory, reason: DenialReason): void {
    memory.counts.set(reason, (memory.counts.get(reason) ?? 0) + 1);
    planLook(memory, lookAfterRejectionMs);
  }

  function planLook(memory: Memory, delayMs: number): void {
    const atMs = Math.max(clock.monotonicMs() + delayMs, memory.lastLookMs + betweenLooksMs);
    if (atMs >= memory.nextLookMs) return;
    memory.nextLookMs = atMs;
    wakeAt(atMs);
  }

  function wakeAt(atMs: number): void {
    if (atMs >= wakeMs) return;
    cancelWake();
    wakeMs = atMs;
    cancelWake = clock.after(atMs - clock.monotonicMs(), wake);
  }

  function wake(): void {
    wakeMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const memory of memories.values()) {
      if (memory.nextLookMs <= nowMs) hasNews = look(memory, nowMs) || hasNews;
      nextMs = Math.min(nextMs, memory.nextLookMs);
    }
    if (nextMs !== Number.POSITIVE_INFINITY) wakeAt(Math.max(nextMs, nowMs + betweenTellingsMs));
    if (!hasNews) return;
    hasNews = false;
    onChange();
  }
}

function createMemory(): Memory {
  return {
    hasAccepted: false,
    shown: undefined,
    counts: new Map(),
    lastLookMs: Number.NEGATIVE_INFINITY,
    nextLookMs: Number.POSITIVE_INFINITY,
  };
}

/** Draws the conclusion from what was counted and begins anew; returns whether something else is to be shown. */
function look(memory: Memory, nowMs: number): boolean {
  const before = memory.shown;
  memory.shown = mostFrequent(memory.counts, before);
  memory.counts.clear();
  memory.lastLookMs = nowMs;
  memory.nextLookMs = Number.POSITIVE_INFINITY;
  return memory.shown !== before;
}

function mostFrequent(counts: ReadonlyMap<DenialReason, number>, shown: Shown | undefined): Shown {
  const most = Math.max(...counts.values());
  const tied = [...counts.keys()].filter((reason) => counts.get(reason) === most).sort();
  // Without any rejection it was an admission that asked for this look.
  return tied.find((reason) => reason === shown) ?? tied[0] ?? 'none';
}
