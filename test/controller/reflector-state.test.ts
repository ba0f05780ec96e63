import { describe, expect, it } from 'vitest';
import { ApiError, localError } from '../../operator/controller/api-error.ts';
import {
  initialReflection,
  type Reflection,
  type ReflectorInput,
  type ReflectorState,
  step,
} from '../../operator/controller/reflector-state.ts';
import { mcpAuthPolicies } from '../../operator/controller/resource.ts';

const context = { resource: mcpAuthPolicies, nowMs: 1_000_000, random: 0 };

const raw = (name: string, resourceVersion = '7'): unknown => ({
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'McpAuthPolicy',
  metadata: { name, namespace: 'ns', resourceVersion },
});
const watching: ReflectorState = {
  kind: 'watching',
  resourceVersion: '50',
  sinceMs: 900_000,
};
const waiting: ReflectorState = {
  kind: 'waiting',
  error: localError('Timeout'),
  delayMs: 1,
  resumeFrom: '50',
};
const being = (state: ReflectorState, rest: Partial<Reflection> = {}): Reflection => ({
  ...initialReflection,
  ...rest,
  state,
});
const failed = (code: number, reason = 'Any', retryAfterSeconds?: number): ReflectorInput => ({
  kind: 'failed',
  error: new ApiError(code, reason, { retryAfterSeconds }),
});
const event = (type: string, object: unknown): ReflectorInput => ({ kind: 'event', event: { type, object } });

describe('a list', () => {
  it('asks for further pages and replaces the store only after the last one', () => {
    const first = step(
      initialReflection,
      { kind: 'page', page: { items: [raw('a')], resourceVersion: '40', continueToken: 'more' } },
      context,
    );
    expect(first.change).toBeUndefined();
    expect(first.next.state).toMatchObject({ kind: 'listing', continueToken: 'more' });

    const last = step(
      first.next,
      { kind: 'page', page: { items: [raw('b')], resourceVersion: '40' } },
      context,
    );
    expect(last.change).toMatchObject({
      kind: 'replace',
      objects: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
    });
    expect(last.next.state).toMatchObject({ kind: 'watching', resourceVersion: '40' });
  });

  it('starts over when a page is lost, whatever the reason', () => {
    const listing = being({ kind: 'listing', listed: [], continueToken: 'more' });
    for (const code of [0, 401, 410, 429, 500]) {
      const { next, change } = step(listing, failed(code), context);
      expect(change).toBeUndefined();
      expect(next.state).not.toHaveProperty('resumeFrom');
      expect(step(next, { kind: 'waited' }, context).next.state).toEqual({ kind: 'listing', listed: [] });
    }
  });

  it('is refused whole when an item has no identity', () => {
    const page = { items: [raw('a'), { metadata: { name: 'b' } }], resourceVersion: '40' };
    const { next, change } = step(initialReflection, { kind: 'page', page }, context);
    expect(change).toBeUndefined();
    expect(next.state).toMatchObject({ kind: 'waiting', error: { reason: 'MalformedBody' } });
  });

  it('asks for smaller pages after one that was too large', () => {
    const { next } = step(initialReflection, { kind: 'failed', error: localError('TooLarge') }, context);
    expect(next.pageLimit).toBe(125);
    expect(step({ ...next, pageLimit: 1 }, failed(0, 'TooLarge'), context).next.pageLimit).toBe(1);
  });
});

describe('a watch event', () => {
  it.each([
    ['ADDED', { kind: 'set', object: { metadata: { name: 'a', resourceVersion: '60' } } }],
    ['MODIFIED', { kind: 'set', object: { metadata: { name: 'a', resourceVersion: '60' } } }],
    ['DELETED', { kind: 'remove', key: 'ns/a' }],
  ])('%s changes the store and moves the version', (type, change) => {
    const step_ = step(being(watching), event(type, raw('a', '60')), context);
    expect(step_.change).toMatchObject(change);
    expect(step_.next.state).toMatchObject({ kind: 'watching', resourceVersion: '60' });
  });

  it('BOOKMARK moves the version only', () => {
    const bookmark = event('BOOKMARK', { metadata: { resourceVersion: '70' } });
    const { next, change } = step(being(watching), bookmark, context);
    expect(change).toBeUndefined();
    expect(next.state).toMatchObject({ kind: 'watching', resourceVersion: '70' });
  });

  it.each([
    ['older than what was seen', 'ADDED', '49', '50', 'waiting'],
    ['older, and shorter', 'DELETED', '9', '10', 'waiting'],
    ['older, and a bookmark', 'BOOKMARK', '49', '50', 'waiting'],
    ['seen before', 'MODIFIED', '50', '50', 'watching'],
    ['much newer', 'MODIFIED', '99999999999999999999', '50', 'watching'],
    ['of versions that are no numbers', 'MODIFIED', 'abc', 'abd', 'watching'],
  ])('%s', (_, type, version, seen, kind) => {
    const { next, change } = step(
      being({ ...watching, resourceVersion: seen }),
      event(type, raw('a', version)),
      context,
    );
    expect(next.state.kind).toBe(kind);
    expect(change === undefined).toBe(kind === 'waiting');
    expect(next.state).not.toHaveProperty('resumeFrom');
  });

  it.each([
    ['ERROR 410', event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }), undefined, 'Expired'],
    [
      'ERROR 500',
      event('ERROR', { kind: 'Status', code: 500, reason: 'InternalError' }),
      '50',
      'InternalError',
    ],
    ['ERROR without a status', event('ERROR', 'what'), '50', 'Unknown'],
    ['an unknown type', event('SURPRISE', raw('a', '60')), undefined, 'MalformedEvent'],
    [
      'an object without a name',
      event('ADDED', { metadata: { resourceVersion: '60' } }),
      undefined,
      'MalformedEvent',
    ],
    ['an object without a version', event('ADDED', { metadata: { name: 'a' } }), undefined, 'MalformedEvent'],
    ['a bookmark without a version', event('BOOKMARK', {}), undefined, 'MalformedEvent'],
  ])('%s is a failure and changes nothing', (_, input, resumeFrom, reason) => {
    const { next, change } = step(being(watching), input, context);
    expect(change).toBeUndefined();
    expect(next.state).toMatchObject({ kind: 'waiting', error: { reason } });
    expect(next.state.kind === 'waiting' && next.state.resumeFrom).toBe(resumeFrom);
  });
});

describe('a broken watch', () => {
  it.each([
    [0, 'ConnectionFailed', '50'],
    [0, 'TruncatedLine', '50'],
    [0, 'CredentialsFailed', '50'],
    [401, 'Unauthorized', '50'],
    [403, 'Forbidden', '50'],
    [429, 'TooManyRequests', '50'],
    [500, 'InternalError', '50'],
    [504, 'Timeout', '50'],
    [0, 'MalformedLine', undefined],
    [0, 'LineTooLong', undefined],
    [0, 'Timeout', undefined],
    [400, 'BadRequest', undefined],
    [404, 'NotFound', undefined],
    [410, 'Gone', undefined],
  ])('%i %s goes on from version %s', (code, reason, resumeFrom) => {
    const { next } = step(being(watching), failed(code, reason), context);
    expect(next.state.kind === 'waiting' && next.state.resumeFrom).toBe(resumeFrom);
  });

  it('is given up for a list after five failures in a row', () => {
    const failures = [3, 4].map((before) =>
      step(being(watching, { failures: before }), failed(500), context),
    );
    expect(failures.map(({ next }) => 'resumeFrom' in next.state)).toEqual([true, false]);
  });

  it('that ended well is resumed at once, from the last version', () => {
    const { next } = step(being(watching), { kind: 'watch-ended' }, context);
    expect(next.state).toEqual({ ...watching, sinceMs: context.nowMs });
    expect([next.failures, next.wellSinceMs]).toEqual([0, context.nowMs]);
  });

  it('that ended at once is not resumed in a tight loop, whether or not an event had come', () => {
    const short = being({ ...watching, sinceMs: context.nowMs - 999 });
    const useful = step(short, event('ADDED', raw('a', '60')), context).next;
    for (const [now, resumeFrom] of [
      [short, '50'],
      [useful, '60'],
    ] as const) {
      const { state } = step(now, { kind: 'watch-ended' }, context).next;
      expect(state).toMatchObject({ kind: 'waiting', resumeFrom, error: { reason: 'WatchTooShort' } });
    }
  });
});

describe('a kind that is gone', () => {
  it.each([initialReflection.state, watching])(
    'leaves nothing, and is tried again like any other (%j)',
    (state) => {
      const [now, error] = [being(state, { failures: 2 }), new ApiError(404, 'Unknown')];
      const { next, change } = step(now, { kind: 'gone', error }, context);
      expect(change).toEqual({ kind: 'replace', objects: [] });
      expect(next).toEqual(step(now, { kind: 'failed', error }, context).next);
      expect(next.state).not.toHaveProperty('resumeFrom');
    },
  );
});

describe('the back-off', () => {
  const delays = (count: number, random: number): readonly number[] => {
    let now = initialReflection;
    return Array.from({ length: count }, () => {
      now = step({ ...now, state: watching }, failed(500), { ...context, random }).next;
      return now.state.kind === 'waiting' ? now.state.delayMs : Number.NaN;
    });
  };

  it('doubles from 0.8 s to 20 s', () => {
    expect(delays(8, 0)).toEqual([800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000]);
    expect(delays(8, 0.999_999).at(-1)).toBeCloseTo(20_000, -1);
    expect(delays(1, 0.999_999).at(0)).toBeCloseTo(1600, -1);
  });

  it('waits as long as the server asks, and not for ever', () => {
    const ask = (seconds: number): unknown =>
      step(being(watching), failed(429, 'Any', seconds), context).next.state;
    expect(ask(7)).toMatchObject({ delayMs: 7000 });
    expect(ask(86_400)).toMatchObject({ delayMs: 300_000 });
  });

  it.each([
    [1, 16_000],
    [2, 32_000],
    [3, 64_000],
    [4, 120_000],
    [9, 120_000],
  ])('begins anew when it is well, %i failures before, for %i ms', (failures, wellMs) => {
    const failuresAfter = (wellSinceMs: number | undefined): number => {
      const now = being(watching, { failures, ...(wellSinceMs === undefined ? {} : { wellSinceMs }) });
      return step(now, failed(500), context).next.failures;
    };
    expect(failuresAfter(context.nowMs - wellMs)).toBe(1);
    expect(failuresAfter(context.nowMs - wellMs + 1)).toBe(failures + 1);
    expect(failuresAfter(undefined)).toBe(failures + 1);
  });

  it('counts as well from the first answer after a failure', () => {
    const broken = step(being(watching, { wellSinceMs: 5 }), failed(500), context).next;
    expect(broken).not.toHaveProperty('wellSinceMs');
    const resumed = step(broken, { kind: 'waited' }, context).next;
    expect(resumed).not.toHaveProperty('wellSinceMs');
    const bookmark = event('BOOKMARK', { metadata: { resourceVersion: '70' } });
    const answered = step(resumed, bookmark, context).next;
    expect(answered.wellSinceMs).toBe(context.nowMs);
    expect(step(answered, bookmark, { ...context, nowMs: context.nowMs + 1 }).next.wellSinceMs).toBe(
      context.nowMs,
    );
  });
});

describe('an input that does not fit', () => {
  it.each<[string, ReflectorState, ReflectorInput]>([
    ['a page while watching', watching, { kind: 'page', page: { items: [], resourceVersion: '1' } }],
    ['an event while waiting', waiting, event('ADDED', raw('a'))],
    ['an end while listing', initialReflection.state, { kind: 'watch-ended' }],
    ['a waited while watching', watching, { kind: 'waited' }],
    [
      'an end of all objects when stopped',
      { kind: 'stopped' },
      { kind: 'gone', error: localError('Timeout') },
    ],
    ['a failure when stopped', { kind: 'stopped' }, failed(500)],
    ['a waited when stopped', { kind: 'stopped' }, { kind: 'waited' }],
  ])('%s changes nothing', (_, state, input) => {
    expect(step(being(state), input, context)).toEqual({ next: being(state) });
  });

  it('stops from everywhere', () => {
    for (const state of [initialReflection.state, watching, waiting]) {
      expect(step(being(state), { kind: 'stop' }, context).next.state).toEqual({ kind: 'stopped' });
    }
  });
});
