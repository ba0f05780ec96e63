import type { KeyFailure, KeySet, KeySourceState } from './key-source.ts';

/** What is remembered of an issuer: a value that each attempt replaces. Times are monotonic milliseconds. */
export interface KeyMemory {
  readonly tried: boolean;
  readonly keySet?: KeySet;
  /** When the keys were fetched. */
  readonly keysSinceMs: number;
  /** The last attempt's failure. */
  readonly failure?: KeyFailure;
  /** Attempts that failed in a row. */
  readonly failures: number;
  /** Good fetches in a row that brought no usable key while older ones were kept. */
  readonly emptyFetches: number;
  readonly nextAttemptMs: number;
}

export const noMemory: KeyMemory = { tried: false, keysSinceMs: 0, failures: 0, emptyFetches: 0, nextAttemptMs: 0 };

interface Times {
  readonly nowMs: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: number;
}

/** Keys older than this are not used: their withdrawal could not have been seen. */
const MAX_AGE_MS = 24 * 3600 * 1000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** An issuer that is being deployed may publish nothing for a moment. */
const EMPTY_FETCHES_IGNORED = 2;

/** A good fetch replaces the keys whole: what is not in it is dead at once. */
export function afterSuccess(
  memory: KeyMemory,
  keySet: KeySet,
  { nowMs, random, refreshSeconds }: Times & { readonly refreshSeconds: number },
): KeyMemory {
  const { emptyFetches } = memory;
  if (keySet.keys.length === 0) {
    const isKept = memory.keySet !== undefined && emptyFetches < EMPTY_FETCHES_IGNORED;
    const failed = afterFailure(memory, 'NoUsableKeys', { nowMs, random });
    if (isKept) return { ...failed, emptyFetches: emptyFetches + 1 };
    const { keySet: _, ...rest } = failed;
    return rest;
  }
  // A tenth more or less, so that the sources of a thousand policies do not fetch together.
  const delayMs = refreshSeconds * 1000 * (0.9 + random * 0.2);
  return { tried: true, keySet, keysSinceMs: nowMs, failures: 0, emptyFetches: 0, nextAttemptMs: nowMs + delayMs };
}

/** Keys are kept through a failure; the next attempt comes after 1 s, 2 s, … 60 s, less a random part. */
export function afterFailure(memory: KeyMemory, failure: KeyFailure, { nowMs, random }: Times): KeyMemory {
  const backOffMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(memory.failures, 10));
  return {
    ...memory,
    tried: true,
    failure,
    failures: memory.failures + 1,
    nextAttemptMs: nowMs + backOffMs * (1 - random / 2),
  };
}

/** The keys that may be used now. */
export function usableKeys({ keySet, keysSinceMs }: KeyMemory, nowMs: number): KeySet | undefined {
  return keySet !== undefined && nowMs - keysSinceMs <= MAX_AGE_MS ? keySet : undefined;
}

export function stateOf(memory: KeyMemory, nowMs: number): KeySourceState {
  const { tried, failure } = memory;
  const keySet = usableKeys(memory, nowMs);
  if (keySet === undefined && memory.keySet !== undefined) return { tried, failure: 'KeysStale' };
  return { tried, ...(keySet === undefined ? {} : { keySet }), ...(failure === undefined ? {} : { failure }) };
}

/** Whole seconds until the next attempt, at least 1. */
export function secondsUntilNext({ nextAttemptMs }: KeyMemory, nowMs: number): number {
  return Math.max(1, Math.ceil((nextAttemptMs - nowMs) / 1000));
}
