import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { PolicyEvent } from '../policy/policy-event.ts';
import type { LogFields, Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { createTokenBucket } from '../time/token-bucket.ts';
import { type ApiError, toApiError } from './api-error.ts';
import { createEventBudget } from './event-budget.ts';
import { type EventDocument, type EventReporter, events, toEventDocument } from './event-document.ts';
import type { KubeApi } from './kube-api.ts';
import { formatMicroTime } from './micro-time.ts';
import { collectionPath, objectPath } from './resource.ts';
import { createWorkQueue } from './work-queue.ts';

export interface EventRecorderOptions extends EventReporter {
  readonly api: Pick<KubeApi, 'create' | 'patch'>;
  /** Asked right before each write; what may not be written is dropped. */
  readonly mayWrite?: () => boolean;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly log: Logger;
}

/**
 * Writes Events (`events.k8s.io/v1`, with the verbs `create` and `patch`), as well as that goes: what is too much, or has
 * failed a few times, is dropped.
 */
export interface EventRecorder {
  /**
   * Tells an event about a policy as it was read from the cluster. Returns at once, never throws. The same event within six
   * minutes of the last makes no other Event: it is counted in the `series` of the first.
   */
  record(policy: UntypedObject, event: PolicyEvent): void;
  /** Aborts writes under way and drops those that wait; nothing is written any more. */
  close(): Promise<void>;
}

/** An Event, and how often the same has happened. */
interface Series {
  readonly document: EventDocument;
  readonly count: number;
  /** Epoch milliseconds, for the API server. */
  readonly lastTimeMs: number;
  /** The same on the monotonic clock, for us. */
  readonly lastSeenMs: number;
  /** The count that the API server knows; 0 while it does not have the Event. */
  readonly writtenCount: number;
}

const seriesLifeMs = 360_000;
// Shorter than the life of a series: its last count is written before it is forgotten.
const refreshMs = 300_000;
const maxWaiting = 1000;
const maxTries = 3;
const concurrency = 2;
const backOff = { firstMs: 1_000, maxMs: 30_000 };
const warnEveryMs = 60_000;
const contentType = 'application/merge-patch+json';
const query = { fieldManager: 'mcp-auth-operator' };

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { api, mayWrite = () => true, clock, random, log } = options;
  // In the order of the last occurrence. How many there can be is bounded by the budget and the queue.
  const series = new Map<string, Series>();
  /** What waits to be written, with the failures so far. */
  const waiting = new Map<string, number>();
  /** What was written so recently that it must not be written now. */
  const rests = new Map<string, () => void>();
  const nextMark = createMarks(random);
  const warn = createRareWarning(clock, log);
  const mayBegin = createEventBudget(clock);
  let isClosed = false;
  const queue = createWorkQueue({
    work: writeOne,
    onFailure: (key) => waiting.set(key, (waiting.get(key) ?? 0) + 1),
    concurrency,
    backOff,
    budget: createTokenBucket(clock, 10, 50),
    clock,
    random,
  });

  function begin(key: string, uid: string, policy: UntypedObject, event: PolicyEvent): void {
    if (!hasRoom() || !mayBegin(uid)) return;
    const nowMs = clock.nowMs();
    const document = toEventDocument(policy, event, options, { nowMs, mark: nextMark(nowMs) });
    const seen = { count: 1, lastTimeMs: nowMs, lastSeenMs: clock.monotonicMs() };
    series.set(key, { document, ...seen, writtenCount: 0 });
    enqueue(key);
  }

  function repeat(key: string, known: Series): void {
    // Taken out first: a Map keeps the place of a key that it has.
    series.delete(key);
    const seen = { count: known.count + 1, lastTimeMs: clock.nowMs(), lastSeenMs: clock.monotonicMs() };
    series.set(key, { ...known, ...seen });
    if (!rests.has(key) && !waiting.has(key) && hasRoom()) enqueue(key);
  }

  function hasRoom(): boolean {
    if (waiting.size < maxWaiting) return true;
    warn('events are dropped: too many wait');
    return false;
  }

  function enqueue(key: string): void {
    waiting.set(key, 0);
    queue.add(key);
  }

  async function writeOne(key: string, signal: AbortSignal): Promise<void> {
    // Another replica tells its own.
    if (!mayWrite()) series.delete(key);
    const one = series.get(key);
    try {
      if (one !== undefined) rest(key, one, await send(one, signal));
    } catch (error) {
      const failure = toApiError(error);
      const tries = (waiting.get(key) ?? 0) + 1;
      if (signal.aborted || (tries < maxTries && !isRefused(failure))) throw failure;
      series.delete(key);
      report(failure);
    }
    waiting.delete(key);
  }

  /** Returns the count that the API server knows now. */
  async function send(
    { document, count, lastTimeMs, writtenCount }: Series,
    signal: AbortSignal,
  ): Promise<number> {
    if (writtenCount === 0) {
      await createOnce(document, signal);
      return 1;
    }
    const change = { series: { count, lastObservedTime: formatMicroTime(lastTimeMs) } };
    await api.patch(objectPath(events, document.metadata), change, contentType, query, signal);
    return count;
  }

  async function createOnce(document: EventDocument, signal: AbortSignal): Promise<void> {
    try {
      await api.create(collectionPath(events, document.metadata.namespace), document, signal);
    } catch (error) {
      // It is ours, from a try whose answer was lost.
      if (toApiError(error).code !== 409) throw error;
    }
  }

  function rest(key: string, { document }: Series, writtenCount: number): void {
    const now = series.get(key);
    if (now?.document !== document) return;
    series.set(key, { ...now, writtenCount });
    rests.set(
      key,
      clock.after(refreshMs, () => {
        rests.delete(key);
        const { count = 0, writtenCount: known = 0 } = series.get(key) ?? {};
        if (count > known && hasRoom()) enqueue(key);
      }),
    );
  }

  function forgetOld(): void {
    const nowMs = clock.monotonicMs();
    for (const [key, { lastSeenMs }] of series) {
      if (nowMs - lastSeenMs < seriesLifeMs) return;
      series.delete(key);
      rests.get(key)?.();
      rests.delete(key);
    }
  }

  function report(failure: ApiError): void {
    const { code, reason } = failure;
    if (isRefused(failure)) log.debug('an event was refused', { code, reason });
    else warn('writing an event failed', { code, reason });
  }

  return {
    record(policy, event) {
      const { uid } = policy.metadata;
      if (isClosed || uid === undefined) return;
      forgetOld();
      const { type, reason, action, note } = event;
      const key = JSON.stringify([uid, type, reason, action, note]);
      const known = series.get(key);
      if (known === undefined) begin(key, uid, policy, event);
      else repeat(key, known);
    },
    async close() {
      isClosed = true;
      for (const cancel of rests.values()) cancel();
      await queue.close();
    },
  };
}

/** Most often the namespace is being deleted, or is gone. */
function isRefused({ code }: ApiError): boolean {
  return code === 403 || code === 404;
}

/**
 * Numbers that name Events: nanoseconds, none twice. Those below a millisecond are left to chance, which tells them from what
 * another replica does in the same one.
 */
function createMarks(random: () => number): (nowMs: number) => bigint {
  let last = 0n;
  return (nowMs) => {
    const mark = BigInt(Math.floor(nowMs)) * 1_000_000n + BigInt(Math.floor(random() * 1_000_000));
    last = mark > last ? mark : last + 1n;
    return last;
  };
}

/** Says the same at most once a minute. */
function createRareWarning(clock: Clock, log: Logger): (message: string, fields?: LogFields) => void {
  const saidAtMs = new Map<string, number>();
  return (message, fields) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (saidAtMs.get(message) ?? Number.NEGATIVE_INFINITY) < warnEveryMs) return;
    saidAtMs.set(message, nowMs);
    log.warn(message, fields);
  };
}
