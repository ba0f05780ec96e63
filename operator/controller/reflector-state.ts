/**
 * The state machine behind a reflector, as one pure function: {@link step}.
 *
 * ```
 *  listing ── last page ──▶ watching ── clean end ──▶ watching, from the last version seen
 *     ▲                        │
 *     └──────── waiting ◀──────┴── any failure; resumes the watch, or lists again where the version is no use
 * ```
 *
 * It never gives up: there is no way out but `stop`.
 */
import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import { backOffMs, longestBackOffMs } from '../time/back-off.ts';
import type { ListPage, WatchEvent } from './api-answer.ts';
import { type ApiError, errorFromStatus, localError } from './api-error.ts';
import { type ResourceKind, resourceVersionOf, toStoredObject } from './resource.ts';

export type ReflectorState =
  /** Getting the pages of a list; `listed` holds those that have come. */
  | { readonly kind: 'listing'; readonly listed: readonly UntypedObject[]; readonly continueToken?: string }
  | {
      readonly kind: 'watching';
      /** The last version seen. */
      readonly resourceVersion: string;
      readonly sinceMs: number;
    }
  /** After a failure; then watches on from `resumeFrom`, or lists when there is none. */
  | {
      readonly kind: 'waiting';
      readonly error: ApiError;
      readonly delayMs: number;
      readonly resumeFrom?: string;
    }
  | { readonly kind: 'stopped' };

/** A state, and what is remembered across states. */
export interface Reflection {
  readonly state: ReflectorState;
  /** Failures since it last was well for long: see {@link wellAfterMs}. */
  readonly failures: number;
  /** When the first answer after the last failure came. */
  readonly wellSinceMs?: number;
  /** How many objects to ask for in a page. */
  readonly pageLimit: number;
}

export type ReflectorInput =
  | { readonly kind: 'page'; readonly page: ListPage }
  | { readonly kind: 'event'; readonly event: WatchEvent }
  | { readonly kind: 'watch-ended' }
  | { readonly kind: 'failed'; readonly error: ApiError }
  /** A request has failed because the cluster has no objects of this kind any more. */
  | { readonly kind: 'gone'; readonly error: ApiError }
  | { readonly kind: 'waited' }
  | { readonly kind: 'stop' };

/** What becomes of the store. */
export type StoreChange =
  | { readonly kind: 'replace'; readonly objects: readonly UntypedObject[] }
  | { readonly kind: 'set'; readonly object: UntypedObject }
  | { readonly kind: 'remove'; readonly key: string };

export interface Step {
  readonly next: Reflection;
  readonly change?: StoreChange;
}

export interface StepContext {
  readonly resource: ResourceKind;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: number;
}

type Watching = Extract<ReflectorState, { kind: 'watching' }>;

/** Short enough that changes are in force within half a minute of the API server's return (docs/reliability.md, K1). */
const backOff = { firstMs: 800, maxMs: 20_000 };
const shortestWatchMs = 1000;
const failuresBeforeListing = 5;
const startListing: ReflectorState = { kind: 'listing', listed: [] };

/** What a reflector starts from. */
export const initialReflection: Reflection = { state: startListing, failures: 0, pageLimit: 500 };

/** The only place where a reflector changes its state. An input that does not fit the state changes nothing. */
export function step(now: Reflection, input: ReflectorInput, context: StepContext): Step {
  const { state } = now;
  switch (input.kind) {
    case 'page':
      return state.kind === 'listing' ? takePage(now, state.listed, input.page, context) : { next: now };
    case 'event':
      return state.kind === 'watching' ? takeEvent(now, state, input.event, context) : { next: now };
    case 'watch-ended':
      return { next: state.kind === 'watching' ? endWatch(now, state, context) : now };
    case 'failed':
      return { next: state.kind === 'stopped' ? now : fail(now, input.error, context) };
    case 'gone':
      return state.kind === 'stopped'
        ? { next: now }
        : { next: fail(now, input.error, context), change: { kind: 'replace', objects: [] } };
    case 'waited':
      return {
        next: state.kind === 'waiting' ? { ...now, state: afterWaiting(state.resumeFrom, context) } : now,
      };
    case 'stop':
      return { next: { ...now, state: { kind: 'stopped' } } };
  }
}

function takePage(
  now: Reflection,
  before: readonly UntypedObject[],
  page: ListPage,
  context: StepContext,
): Step {
  const objects = page.items.map((item) => toStoredObject(item, context.resource));
  if (!objects.every((object) => object !== undefined)) {
    return { next: fail(now, localError('MalformedBody'), context) };
  }
  const listed = [...before, ...objects];
  const well = { ...now, wellSinceMs: now.wellSinceMs ?? context.nowMs };
  const { continueToken, resourceVersion } = page;
  if (continueToken !== undefined) {
    return { next: { ...well, state: { kind: 'listing', listed, continueToken } } };
  }
  // Replaced whole: what is not in the list was deleted while nobody watched.
  return {
    next: { ...well, state: watchFrom(resourceVersion, context) },
    change: { kind: 'replace', objects: listed },
  };
}

function takeEvent(
  now: Reflection,
  state: Watching,
  { type, object }: WatchEvent,
  context: StepContext,
): Step {
  if (type === 'ERROR') {
    return { next: fail(now, errorFromStatus(0, object), context) };
  }
  const resourceVersion = resourceVersionOf(object);
  const change = changeOf(type, toStoredObject(object, context.resource));
  if (resourceVersion === undefined || (change === undefined && type !== 'BOOKMARK')) {
    return { next: fail(now, localError('MalformedEvent'), context) };
  }
  if (isOlder(resourceVersion, state.resourceVersion)) {
    return { next: fail(now, localError('EventOutOfOrder'), context) };
  }
  const next: Reflection = {
    ...now,
    state: { ...state, resourceVersion },
    wellSinceMs: now.wellSinceMs ?? context.nowMs,
  };
  return change === undefined ? { next } : { next, change };
}

/**
 * Versions of one collection grow, and are numbers (KEP-5504); of any others nothing is said. What is older than what was
 * seen would put old content in the place of new, with nothing to come after it.
 */
function isOlder(version: string, than: string): boolean {
  const areNumbers = [version, than].every((text) => /^[1-9][0-9]*$/.test(text));
  return areNumbers && BigInt(version) < BigInt(than);
}

/** Undefined for a bookmark, for a type that we do not know, and for something that is no object. */
function changeOf(type: string, object: UntypedObject | undefined): StoreChange | undefined {
  if (object === undefined) {
    return undefined;
  }
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { kind: 'set', object };
    case 'DELETED':
      return { kind: 'remove', key: objectKey(object.metadata) };
    default:
      return undefined;
  }
}

function endWatch(now: Reflection, state: Watching, context: StepContext): Reflection {
  // A server or proxy that ends each watch at once, perhaps after an event, must not be asked in a tight loop.
  return context.nowMs - state.sinceMs >= shortestWatchMs
    ? {
        ...now,
        state: watchFrom(state.resourceVersion, context),
        wellSinceMs: now.wellSinceMs ?? context.nowMs,
      }
    : fail(now, localError('WatchTooShort'), context);
}

function fail({ wellSinceMs, ...now }: Reflection, error: ApiError, context: StepContext): Reflection {
  const wasWell = wellSinceMs !== undefined && context.nowMs - wellSinceMs >= wellAfterMs(now.failures);
  const failures = wasWell ? 1 : now.failures + 1;
  const { state } = now;
  const resumes = state.kind === 'watching' && failures < failuresBeforeListing && keepsVersion(error);
  return {
    failures,
    pageLimit: error.reason === 'TooLarge' ? Math.max(1, Math.floor(now.pageLimit / 4)) : now.pageLimit,
    state: {
      kind: 'waiting',
      error,
      delayMs: backOffMs(backOff, failures, context.random, error.retryAfterSeconds),
      ...(resumes ? { resumeFrom: state.resourceVersion } : {}),
    },
  };
}

/**
 * How long it must be well for its failures to be forgotten: a single failure soon, so that the next one is got over as
 * quickly; many of them late, so that waiting takes no less than a tenth of the time.
 */
function wellAfterMs(failures: number): number {
  return Math.min(120_000, 10 * longestBackOffMs(backOff, failures));
}

/**
 * Whether a watch may go on from the last version after this. Not after 410 (too old), any other refusal of the request
 * itself, something unreadable (it would come again) or out of order, and silence: a path on which watches go dead still lets lists
 * through, which bounds how old the store can be. Neither after many failures in a row, for the same reason.
 */
function keepsVersion({ code, reason }: ApiError): boolean {
  if (code === 0) {
    return !['EventOutOfOrder', 'LineTooLong', 'MalformedEvent', 'MalformedLine', 'Timeout'].includes(reason);
  }
  return code >= 500 || code === 401 || code === 403 || code === 429;
}

function afterWaiting(resumeFrom: string | undefined, context: StepContext): ReflectorState {
  return resumeFrom === undefined ? startListing : watchFrom(resumeFrom, context);
}

function watchFrom(resourceVersion: string, { nowMs }: StepContext): ReflectorState {
  return { kind: 'watching', resourceVersion, sinceMs: nowMs };
}
