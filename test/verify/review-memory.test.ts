import { expect, test } from 'vitest';
import type { TokenReviewConfig } from '../../operator/policy/verifier-config.ts';
import { createReviewMemory } from '../../operator/verify/review-memory.ts';
import type { ReviewOutcome } from '../../operator/verify/review-token.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

const good: ReviewOutcome = { kind: 'authenticated', username: 'u', audiences: ['a'] };
const never = Number.MAX_SAFE_INTEGER;

function configOf(namespace: string, audiences: readonly string[] = ['a']): TokenReviewConfig {
  return { namespace, policy: `${namespace}/x`, audiences } as TokenReviewConfig;
}

/** Reviews that end when they are told to, or at once with an answer. */
function createScene(answer?: (token: string) => ReviewOutcome) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const waiting: ((outcome: ReviewOutcome) => void)[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const reviews = createReviewMemory((token, _, signal) => {
    asked.push(token);
    signals.push(signal);
    if (answer !== undefined) return Promise.resolve(answer(token));
    return new Promise((resolve) => waiting.push(resolve));
  }, clock);
  return { clock, asked, waiting, signals, reviews };
}

test('a good answer is believed for ten seconds', async () => {
  const { clock, asked, reviews } = createScene(() => good);
  for (let count = 0; count < 3; count += 1) {
    expect(await reviews.judge('t', configOf('n'), undefined)).toEqual(good);
  }
  clock.advance(9_999);
  await reviews.judge('t', configOf('n'), undefined);
  expect(asked).toHaveLength(1);
  clock.advance(1);
  await reviews.judge('t', configOf('n'), undefined);
  expect(asked).toHaveLength(2);
});

test('but not beyond the end of the token', async () => {
  const { clock, asked, reviews } = createScene(() => good);
  const expiresAt = clock.nowMs() / 1000 + 3;
  await reviews.judge('t', configOf('n'), expiresAt);
  clock.advance(2_999);
  await reviews.judge('t', configOf('n'), expiresAt);
  expect(asked).toHaveLength(1);
  clock.advance(1);
  await reviews.judge('t', configOf('n'), expiresAt);
  await reviews.judge('t', configOf('n'), expiresAt);
  expect(asked, 'a token in its last clock skew is never remembered').toHaveLength(3);
});

test('its age is that of the monotonic clock', async () => {
  const { clock, asked, reviews } = createScene(() => good);
  await reviews.judge('t', configOf('n'), undefined);
  clock.setWallClock(clock.nowMs() - 3_600_000);
  clock.advance(10_000);
  await reviews.judge('t', configOf('n'), undefined);
  expect(asked).toHaveLength(2);
});

test.each<[string, ReviewOutcome]>([
  ['no', { kind: 'not-authenticated' }],
  ['nothing', { kind: 'failed', failure: 'Timeout' }],
])('an answer of %s is not remembered', async (_, outcome) => {
  const { asked, reviews } = createScene(() => outcome);
  await reviews.judge('t', configOf('n'), undefined);
  expect(await reviews.judge('t', configOf('n'), undefined)).toEqual(outcome);
  expect(asked).toHaveLength(2);
});

test('an answer for one policy, or for its former audiences, or for another token, is none for this', async () => {
  const { asked, reviews } = createScene(() => good);
  await reviews.judge('t', configOf('n'), undefined);
  await reviews.judge('t', configOf('m'), undefined);
  await reviews.judge('t', configOf('n', ['b']), undefined);
  await reviews.judge('t2', configOf('n'), undefined);
  expect(asked).toHaveLength(4);
});

test('those who bring the same token at the same time share one review', async () => {
  const { asked, waiting, reviews } = createScene();
  const all = Promise.all(Array.from({ length: 30 }, () => reviews.judge('t', configOf('n'), undefined)));
  await settle();
  expect(asked).toHaveLength(1);
  waiting[0]?.(good);
  expect(new Set(await all)).toEqual(new Set([good]));
});

test('a flood of one namespace does not hold up another, and those in excess are told to come again', async () => {
  const { asked, waiting, reviews } = createScene();
  const flood = Array.from({ length: 300 }, (_, index) =>
    reviews.judge(`evil-${index}`, configOf('evil'), undefined),
  );
  const other = reviews.judge('good', configOf('other'), undefined);
  await settle();
  expect(asked).toHaveLength(8);
  waiting[0]?.({ kind: 'not-authenticated' });
  await settle();
  waiting[1]?.({ kind: 'not-authenticated' });
  await settle();
  expect(asked).toContain('good');
  waiting[asked.indexOf('good')]?.(good);
  expect(await other).toEqual(good);
  const refused = await Promise.race([flood.at(-1), settle().then(() => 'waiting')]);
  expect(refused).toEqual({ kind: 'failed', failure: 'Timeout', retryAfterSeconds: 1 });
});

test('a flood of made-up tokens does not hold up those of the same namespace that say what they are', async () => {
  const { asked, waiting, reviews } = createScene();
  for (let index = 0; index < 300; index += 1) {
    void reviews.judge(`garbage-${index}`, configOf('n'), undefined);
  }
  const caller = reviews.judge('jwt', configOf('n'), never);
  await settle();
  waiting[0]?.({ kind: 'not-authenticated' });
  await settle();
  waiting[1]?.({ kind: 'not-authenticated' });
  await settle();
  expect(asked).toContain('jwt');
  waiting[asked.indexOf('jwt')]?.(good);
  expect(await caller).toEqual(good);
});

test('nor do made-up ones that look like real ones hold up a token that was good before', async () => {
  const { clock, asked, waiting, reviews } = createScene();
  const first = reviews.judge('regular', configOf('n'), never);
  await settle();
  waiting[0]?.(good);
  await first;
  clock.advance(10_000);
  for (let index = 0; index < 300; index += 1) void reviews.judge(`fake-${index}`, configOf('n'), never);
  const again = reviews.judge('regular', configOf('n'), never);
  await settle();
  waiting[1]?.({ kind: 'not-authenticated' });
  await settle();
  waiting[2]?.({ kind: 'not-authenticated' });
  await settle();
  expect(asked.filter((token) => token === 'regular')).toHaveLength(2);
  waiting[asked.lastIndexOf('regular')]?.(good);
  expect(await again).toEqual(good);
});

test('nobody waits for more than five seconds, and what is under way is cut', async () => {
  const { clock, waiting, signals, reviews } = createScene();
  const all = Array.from({ length: 20 }, (_, index) => reviews.judge(`t${index}`, configOf('n'), undefined));
  await settle();
  clock.advance(5_000);
  await settle();
  expect(signals[0]?.aborted).toBe(true);
  for (const resolve of waiting) resolve({ kind: 'failed', failure: 'Timeout' });
  for (const outcome of await Promise.all(all)) expect(outcome).toMatchObject({ failure: 'Timeout' });
});

test('a turn that was waited for in vain is given back', async () => {
  const { clock, asked, waiting, reviews } = createScene();
  const all = Array.from({ length: 40 }, (_, index) => reviews.judge(`t${index}`, configOf('n'), undefined));
  await settle();
  clock.advance(5_000);
  await settle();
  for (const resolve of waiting) resolve({ kind: 'failed', failure: 'Timeout' });
  await Promise.all(all);
  const before = asked.length;
  const more = Array.from({ length: 8 }, (_, index) =>
    reviews.judge(`later${index}`, configOf('n'), undefined),
  );
  await settle();
  expect(asked).toHaveLength(before + 8);
  for (const resolve of waiting) resolve(good);
  await Promise.all(more);
});

test('what is remembered is bounded', async () => {
  const { asked, reviews } = createScene(() => good);
  for (let index = 0; index <= 10_000; index += 1) await reviews.judge(`t${index}`, configOf('n'), never);
  await reviews.judge('t10000', configOf('n'), never);
  expect(asked).toHaveLength(10_001);
  await reviews.judge('t0', configOf('n'), never);
  expect(asked).toHaveLength(10_002);
});
