import type { KeyFetchResult, KeyMetrics } from '../telemetry/key-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import {
  afterDemand,
  afterFailure,
  afterFetch,
  afterRefreshChange,
  coolDownSeconds,
  isSameState,
  noMemory,
  secondsUntilNext,
  stateOf,
  usableKeys,
} from './key-memory.ts';
import type { KeySource, RefreshOutcome } from './key-source.ts';
import {
  createKeyLoader,
  type KeyLoaderPorts,
  type LoadedKeys,
  type RemoteKeySourceConfig,
} from './load-keys.ts';

export interface RemoteKeySource extends KeySource {
  /** Stops refreshing and forgets the keys; a fetch under way is aborted. */
  close(): void;
  /** Refreshes at another interval from now on. */
  setRefreshSeconds(seconds: number): void;
}

export interface RemoteKeySourceParts extends KeyLoaderPorts {
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly refreshSeconds: number;
  /**
   * Resolves when an attempt that nobody has asked for may begin; what it gives is called when that has ended. Rejects when
   * the signal is aborted before.
   */
  readonly takeTurn: (signal: AbortSignal) => Promise<() => void>;
  /** Called when {@link KeySource.state} has changed in a way that a status can show. */
  readonly onChange: () => void;
  readonly log?: Logger;
  readonly metrics?: Pick<KeyMetrics, 'countFetch'>;
}

/** As long as a fetch of metadata and one of keys can take. */
const patienceMs = 10_000;

/**
 * Keys that are fetched, kept while the issuer is away, and replaced whole by each good fetch. The first attempt is
 * under way when this returns.
 */
export function startRemoteKeySource(
  config: RemoteKeySourceConfig,
  parts: RemoteKeySourceParts,
): RemoteKeySource {
  const { clock, random } = parts;
  let refreshMs = parts.refreshSeconds * 1000;
  const closing = new AbortController();
  const load = createKeyLoader(config, parts, closing.signal);
  let memory = noMemory;
  let shown = stateOf(memory, clock.monotonicMs());
  let underWay: Promise<void> | undefined;
  let cancelTimer = (): void => undefined;

  /** One attempt at a time: whoever asks meanwhile waits for the same. */
  function attempt(start: () => Promise<LoadedKeys>): Promise<void> {
    underWay ??= runAttempt(start).finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  async function runAttempt(start: () => Promise<LoadedKeys>): Promise<void> {
    const loaded = await start().catch(containBug);
    if (closing.signal.aborted) return;
    parts.metrics?.countFetch(resultOf(loaded));
    const circumstances = { nowMs: clock.monotonicMs(), random: random(), refreshMs };
    memory = loaded.ok
      ? afterFetch(memory, loaded, circumstances)
      : afterFailure(memory, loaded.failure, circumstances);
    scheduleNext(circumstances.nowMs);
    show(circumstances.nowMs);
  }

  function scheduleNext(nowMs: number): void {
    cancelTimer();
    cancelTimer = clock.after(memory.nextAttemptMs - nowMs, () => void attempt(loadInTurn));
  }

  function show(nowMs: number): void {
    const state = stateOf(memory, nowMs);
    if (isSameState(state, shown)) return;
    shown = state;
    parts.onChange();
  }

  /** A document of one tenant that we stumble over must not end the process for all. */
  function containBug(error: unknown): LoadedKeys {
    // What waited for its turn is told so when the source is closed: no bug.
    if (!closing.signal.aborted)
      parts.log?.error('loading keys failed unexpectedly', { keySource: config.id, error: String(error) });
    return { ok: false, failure: 'InvalidDocument' };
  }

  async function loadInTurn(): Promise<LoadedKeys> {
    const endTurn = await parts.takeTurn(closing.signal);
    return await load().finally(endTurn);
  }

  async function refresh(): Promise<RefreshOutcome> {
    if (underWay === undefined) {
      const nowMs = clock.monotonicMs();
      const remainingSeconds = coolDownSeconds(memory, nowMs);
      if (remainingSeconds > 0) return { kind: 'cooling-down', remainingSeconds };
      memory = afterDemand(memory, nowMs);
    }
    const asked = attempt(() => load(memory.keySet?.jwksURI));
    if (!(await endsSoon(asked))) return failed();
    return memory.failure === undefined && !closing.signal.aborted ? { kind: 'refreshed' } : failed();
  }

  /** A caller does not wait for ever when the attempt that is under way waits for its turn. */
  async function endsSoon(asked: Promise<void>): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = clock.after(patienceMs, () => resolve(false));
    const isOver = await Promise.race([asked.then(() => true), promise]);
    cancel();
    return isOver;
  }

  function failed(): RefreshOutcome {
    return { kind: 'failed', retryAfterSeconds: secondsUntilNext(memory, clock.monotonicMs()) };
  }

  void attempt(loadInTurn);
  return {
    current: () => usableKeys(memory, clock.monotonicMs()),
    state: () => stateOf(memory, clock.monotonicMs()),
    refresh,
    retryAfterSeconds: () => secondsUntilNext(memory, clock.monotonicMs()),
    setRefreshSeconds(seconds) {
      refreshMs = seconds * 1000;
      // An attempt that is under way plans the next one when it ends.
      if (underWay !== undefined) return;
      const nowMs = clock.monotonicMs();
      memory = afterRefreshChange(memory, { nowMs, random: random(), refreshMs });
      scheduleNext(nowMs);
    },
    close() {
      closing.abort();
      cancelTimer();
      memory = noMemory;
    },
  };
}

function resultOf(loaded: LoadedKeys): KeyFetchResult {
  if (!loaded.ok) return loaded.failure;
  return loaded.keySet.keys.length === 0 ? 'NoUsableKeys' : 'loaded';
}
