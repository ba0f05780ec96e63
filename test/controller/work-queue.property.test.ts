import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWorkQueue, type Rank } from '../../operator/controller/work-queue.ts';
import { createTokenBucket } from '../../operator/time/token-bucket.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

const concurrency = 2;
const workLimitMs = 30_000;

type Step =
  | { readonly kind: 'add'; readonly key: string; readonly rank: Rank }
  | { readonly kind: 'succeed' | 'fail'; readonly which: number }
  | { readonly kind: 'advance'; readonly ms: number };

const rank = fc.constantFrom<Rank>('first', 'later');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('add'), key: fc.constantFrom(...'abcdefgh'), rank }),
  },
  fc.record({ kind: fc.constantFrom('succeed', 'fail'), which: fc.nat({ max: concurrency }) }),
  fc.record({ kind: fc.constant('advance'), ms: fc.nat({ max: 400 }) }),
  fc.record({ kind: fc.constant('advance'), ms: fc.constantFrom(workLimitMs - 200, workLimitMs) }),
);

/** A queue beside a plain account of what it should do. What it does otherwise ends in `mistakes`: it catches what is thrown. */
function createJudgedQueue() {
  const clock = createFakeClock();
  const waiting = new Map<string, Rank>();
  const failed = new Map<string, Rank>();
  const working = new Map<
    string,
    { readonly rank: Rank; readonly sinceMs: number; readonly end: (error?: Error) => void }
  >();
  const mistakes: string[] = [];

  const queue = createWorkQueue({
    work(key) {
      judge(key);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const end = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      working.set(key, {
        rank: waiting.get(key) ?? failed.get(key) ?? 'first',
        sinceMs: clock.monotonicMs(),
        end,
      });
      waiting.delete(key);
      failed.delete(key);
      return promise.finally(() => working.delete(key));
    },
    onFailure: () => undefined,
    concurrency,
    backOff: { firstMs: 500, maxMs: 4000 },
    budget: createTokenBucket(clock, 5),
    clock,
    random: () => 0,
  });

  const next = (of: Rank): string | undefined =>
    [...waiting].find(([key, itsRank]) => itsRank === of && !working.has(key))?.[0];

  /** Those that have used up their time go on, for they ignore their signal, but hold no place. */
  const placesHeld = (): number =>
    [...working.values()].filter(({ sinceMs }) => clock.monotonicMs() - sinceMs < workLimitMs).length;

  /** The next in line, or one whose next try has come meanwhile. */
  function isDue(key: string): boolean {
    if (waiting.get(key) === 'later' && failed.get(key) === 'first') return true;
    return key === (next('first') ?? next('later'));
  }

  function judge(key: string): void {
    const say = (mistake: string): unknown => mistakes.push(`${key}: ${mistake}`);
    if (working.has(key)) say('is worked on already');
    if (placesHeld() >= concurrency) say('is one too many');
    if (waiting.has(key)) {
      if (!isDue(key)) say('is not the next');
    } else if (!failed.has(key)) {
      say('was not asked for');
    } else if (failed.get(key) === 'later' && next('first') !== undefined) {
      say('is tried again before those that come first');
    }
  }

  async function end(key: string | undefined, error?: Error): Promise<void> {
    const work = key === undefined ? undefined : working.get(key);
    if (key === undefined || work === undefined) return;
    if (error !== undefined) failed.set(key, work.rank);
    work.end(error);
    await settle(5);
  }

  function add(key: string, rank: Rank): void {
    if (rank === 'first' && waiting.get(key) === 'later') waiting.delete(key);
    if (!waiting.has(key)) waiting.set(key, rank);
    queue.add(key, rank);
  }

  return {
    mistakes,
    async take(taken: Step): Promise<void> {
      if (taken.kind === 'add') add(taken.key, taken.rank);
      else if (taken.kind === 'advance') clock.advance(taken.ms);
      else await end([...working.keys()][taken.which], taken.kind === 'fail' ? new Error('any') : undefined);
    },
    /** Lets everything succeed, and gives back what was never started. */
    async finish(): Promise<readonly string[]> {
      for (let round = 0; round < 50; round += 1) {
        for (const key of [...working.keys()]) await end(key);
        clock.advance(1000);
      }
      await queue.close();
      return [...waiting.keys(), ...failed.keys(), ...working.keys()];
    },
  };
}

test('whatever is added, fails or waits: first come the first, each key once and alone, and none is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const queue = createJudgedQueue();
      for (const taken of steps) await queue.take(taken);
      expect(await queue.finish()).toEqual([]);
      expect(queue.mistakes).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
