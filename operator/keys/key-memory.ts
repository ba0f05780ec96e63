import type { KeyFailure, KeySet, KeySourceState } from './key-source.ts';

/**
 * What is remembered of an issuer: one value, replaced by each thing that happens. Times are monotonic milliseconds.
 */
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
  /** When an attempt was last made on demand. */
  readonly demandedMs: number;
}

export const noMemory: KeyMemory = {
  tried: false,
  keysSinceMs: 0,
  failures: 0,
  emptyFetches: 0,
  nextAttemptMs: 0,
  demandedMs: Number.NEGATIVE_INFINITY,
};

/** The circumstances of an attempt's end. */
export interface Circumstances {
  readonly nowMs: number;
  readonly refreshMs: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: number;
}

/** Keys older than this are not used: their withdrawal could not have been seen. */
const maxAgeMs = 24 * 3600 * 1000;
/** At most one fetch on demand in this time, whatever came of it: anybody can send tokens with unknown keys. */
const coolDownMs = 30_000;
const firstRetryMs = 1_000;
const lastRetryMs = 60_000;
/** An issuer that is being deployed may publish nothing for a moment. */
const emptyFetchesIgnored = 2;

/** A good fetch that began at `startedMs` replaces the keys whole: what is not in it is dead at once. */
export function afterFetch(
  memory: KeyMemory,
  fetched: { readonly keySet: KeySet; readonly startedMs: number },
  circumstances: Circumstances,
): KeyMemory {
  if (fetched.keySet.keys.length === 0) return afterEmptyFetch(memory, circumstances);
  return {
    tried: true,
    keySet: fetched.keySet,
    keysSinceMs: fetched.startedMs,
    failures: 0,
    emptyFetches: 0,
    nextAttemptMs: afterRefreshTime(circumstances),
    demandedMs: memory.demandedMs,
  };
}

/** Another refresh time: a shorter one brings the next attempt nearer; one after failures comes when it would have come. */
export function afterRefreshChange(memory: KeyMemory, circumstances: Circumstances): KeyMemory {
  if (memory.failures > 0) return memory;
  return { ...memory, nextAttemptMs: Math.min(memory.nextAttemptMs, afterRefreshTime(circumstances)) };
}

/** A tenth more or less, so that a thousand sources do not fetch together. */
function afterRefreshTime({ nowMs, random, refreshMs }: Circumstances): number {
  return nowMs + refreshMs * (0.9 + random * 0.2);
}

/** Keys are kept through a failure; the next attempt comes after 1 s, 2 s, … 60 s, less a random part. */
export function afterFailure(
  memory: KeyMemory,
  failure: KeyFailure,
  { nowMs, random }: Pick<Circumstances, 'nowMs' | 'random'>,
): KeyMemory {
  const backOffMs = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(memory.failures, 10));
  return {
    ...memory,
    tried: true,
    failure,
    failures: memory.failures + 1,
    nextAttemptMs: nowMs + backOffMs * (1 - random / 2),
  };
}

/** A key set without usable keys is a failure at first, and then believed. */
function afterEmptyFetch(memory: KeyMemory, circumstances: Circumstances): KeyMemory {
  const { keySet, ...rest } = afterFailure(memory, 'NoUsableKeys', circumstances);
  if (keySet === undefined || rest.emptyFetches >= emptyFetchesIgnored) return rest;
  return { ...rest, keySet, emptyFetches: rest.emptyFetches + 1 };
}

export function afterDemand(memory: KeyMemory, nowMs: number): KeyMemory {
  return { ...memory, demandedMs: nowMs };
}

/** Whole seconds until an attempt may be made on demand again; 0 when it may now. */
export function coolDownSeconds({ demandedMs }: KeyMemory, nowMs: number): number {
  return Math.max(0, Math.ceil((demandedMs + coolDownMs - nowMs) / 1000));
}

/** Whole seconds until the next attempt, at least 1. */
export function secondsUntilNext({ nextAttemptMs }: KeyMemory, nowMs: number): number {
  return Math.max(1, Math.ceil((nextAttemptMs - nowMs) / 1000));
}

/** The keys that may be used now. */
export function usableKeys({ keySet, keysSinceMs }: KeyMemory, nowMs: number): KeySet | undefined {
  return keySet !== undefined && nowMs - keysSinceMs <= maxAgeMs ? keySet : undefined;
}

export function stateOf(memory: KeyMemory, nowMs: number): KeySourceState {
  const { tried, failure } = memory;
  const keySet = usableKeys(memory, nowMs);
  if (keySet === undefined && memory.keySet !== undefined) return { tried, failure: 'KeysStale' };
  return {
    tried,
    ...(keySet === undefined ? {} : { keySet }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Whether two states would be told apart in a status. */
export function isSameState(a: KeySourceState, b: KeySourceState): boolean {
  return (
    a.tried === b.tried &&
    a.failure === b.failure &&
    a.keySet?.digest === b.keySet?.digest &&
    a.keySet?.jwksURI === b.keySet?.jwksURI
  );
}
