import type { KeySourceConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { discover, discoveryLocations, MAX_METADATA_BYTES } from './discovery.ts';
import {
  afterFailure,
  afterSuccess,
  type KeyMemory,
  noMemory,
  secondsUntilNext,
  stateOf,
  usableKeys,
} from './key-memory.ts';
import { MAX_KEY_SET_BYTES, readKeySet } from './key-set.ts';
import type { KeyFailure, KeySet, KeySource, RefreshOutcome } from './key-source.ts';
import type { DocumentOutcome, FetchDocument } from './outbound.ts';

export type RemoteKeySourceConfig = Extract<KeySourceConfig, { kind: 'discovery' | 'uri' }>;

export interface RemoteKeySource extends KeySource {
  /** Stops refreshing; a fetch under way is aborted. */
  close(): void;
}

export interface RemoteKeySourceParts {
  readonly fetchDocument: FetchDocument;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly refreshSeconds: number;
  /** Resolves when the first fetch may begin; what it gives is called when that fetch has ended. */
  readonly takeTurn: () => Promise<() => void>;
  /** Called when {@link KeySource.state} has changed in a way that a status can show. */
  readonly onChange: () => void;
}

type Loaded =
  | { readonly ok: true; readonly keySet: KeySet }
  | { readonly ok: false; readonly failure: KeyFailure };

/** At most one fetch on demand in this time, whatever came of it: anybody can send tokens with unknown keys. */
const COOL_DOWN_MS = 30_000;

/** Keys that are fetched, kept while the issuer is away, and replaced whole by each good fetch. Starts at once. */
export function startRemoteKeySource(config: RemoteKeySourceConfig, parts: RemoteKeySourceParts): RemoteKeySource {
  const { clock, random, refreshSeconds, onChange } = parts;
  const controller = new AbortController();
  let memory: KeyMemory = noMemory;
  let underWay: Promise<void> | undefined;
  let lastDemandMs = Number.NEGATIVE_INFINITY;
  let cancelTimer = (): void => undefined;

  /** One attempt at a time: whoever asks meanwhile waits for the same. */
  function attempt(load: () => Promise<Loaded>): Promise<void> {
    underWay ??= load()
      .then(take)
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  }

  function take(loaded: Loaded): void {
    if (controller.signal.aborted) return;
    const before = describeState();
    const times = { nowMs: clock.monotonicMs(), random: random() };
    memory = loaded.ok
      ? afterSuccess(memory, loaded.keySet, { ...times, refreshSeconds })
      : afterFailure(memory, loaded.failure, times);
    cancelTimer();
    cancelTimer = clock.after(memory.nextAttemptMs - times.nowMs, () => void attempt(loadAll));
    if (describeState() !== before) onChange();
  }

  function describeState(): string {
    const { tried, failure, keySet } = stateOf(memory, clock.monotonicMs());
    return JSON.stringify([tried, failure, keySet?.digest, keySet?.jwksURI]);
  }

  async function loadFirst(): Promise<Loaded> {
    const release = await parts.takeTurn();
    return await loadAll().finally(release);
  }

  async function loadAll(): Promise<Loaded> {
    if (config.kind === 'uri') return await loadKeys(config.uri);
    const { issuer, discoveryURL } = config;
    const locations = discoveryURL === undefined ? discoveryLocations(issuer) : [discoveryURL];
    const found = await discover(issuer, locations, (url) => fetch(url, MAX_METADATA_BYTES));
    return found.ok ? await loadKeys(found.jwksURI) : found;
  }

  async function loadKeys(jwksURI: string): Promise<Loaded> {
    const fetchedAtMs = clock.nowMs();
    const fetched = await fetch(jwksURI, MAX_KEY_SET_BYTES);
    if (!fetched.ok) return fetched;
    const read = readKeySet(fetched.body);
    return read.ok ? { ok: true, keySet: { keys: read.keys, digest: read.digest, fetchedAtMs, jwksURI } } : read;
  }

  function fetch(url: string, maxBytes: number): Promise<DocumentOutcome> {
    const { caPem, outbound } = config;
    const { signal } = controller;
    return parts.fetchDocument({ url, outbound, maxBytes, signal, ...(caPem === undefined ? {} : { caPem }) });
  }

  async function refresh(): Promise<RefreshOutcome> {
    if (underWay === undefined) {
      const nowMs = clock.monotonicMs();
      const remainingMs = lastDemandMs + COOL_DOWN_MS - nowMs;
      if (remainingMs > 0) return { kind: 'cooling-down', remainingSeconds: Math.ceil(remainingMs / 1000) };
      lastDemandMs = nowMs;
    }
    const { jwksURI } = memory.keySet ?? {};
    await attempt(jwksURI === undefined ? loadAll : () => loadKeys(jwksURI));
    return memory.failure === undefined
      ? { kind: 'refreshed' }
      : { kind: 'failed', retryAfterSeconds: secondsUntilNext(memory, clock.monotonicMs()) };
  }

  void attempt(loadFirst);
  return {
    current: () => usableKeys(memory, clock.monotonicMs()),
    state: () => stateOf(memory, clock.monotonicMs()),
    refresh,
    retryAfterSeconds: () => secondsUntilNext(memory, clock.monotonicMs()),
    close() {
      controller.abort();
      cancelTimer();
    },
  };
}
