import { describe, expect, it } from 'vitest';
import { ApiError } from '../../operator/controller/api-error.ts';
import { createCoalescedTask } from '../../operator/controller/coalesced-task.ts';
import {
  createWorkQueue,
  type WorkQueue,
  type WorkQueueOptions,
} from '../../operator/controller/work-queue.ts';
import { createTokenBucket } from '../../operator/time/token-bucket.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';

interface Work {
  readonly key: string;
  readonly signal: AbortSignal;
  succeed(): Promise<void>;
  fail(error?: unknown): Promise<void>;
}

function createQueue(options: Partial<WorkQueueOptions> = {}): {
  queue: WorkQueue;
  started: Work[];
  failures: string[];
  clock: ReturnType<typeof createFakeClock>;
} {
  const clock = createFakeClock();
  const started: Work[] = [];
  const failures: string[] = [];
  const queue = createWorkQueue({
    work(key, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      started.push({
        key,
        signal,
        succeed() {
          resolve();
          return settle(5);
        },
        fail(error = new ApiError(500, 'Any')) {
          reject(error);
          return settle(5);
        },
      });
      return promise;
    },
    onFailure: (key, _, count) => failures.push(`${key} ${count}`),
    concurrency: 2,
    backOff: { firstMs: 500, maxMs: 4000 },
    clock,
    random: () => 0,
    ...options,
  });
  return { queue, started, failures, clock };
}

const keysOf = (works: readonly Work[]): string => works.map(({ key }) => key).join('');

describe('a work queue', () => {
  it('works on different keys at once, up to its limit, in order', async () => {
    const { queue, started } = createQueue();
    for (const key of 'abcd') {
      queue.add(key);
    }
    expect(keysOf(started)).toBe('ab');
    await started[1]?.succeed();
    expect(keysOf(started)).toBe('abc');
  });

  it('never works on a key twice at a time; added meanwhile it is done once more', async () => {
    const { queue, started } = createQueue();
    queue.add('a');
    queue.add('a');
    queue.add('a');
    expect(keysOf(started)).toBe('a');
    await started[0]?.succeed();
    expect(keysOf(started)).toBe('aa');
    await started[1]?.succeed();
    expect(keysOf(started)).toBe('aa');
  });

  it('does not let a key that is worked on hold up the others', () => {
    const { queue, started } = createQueue();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(keysOf(started)).toBe('ab');
  });

  it('works on what can be done later only when nothing else can be started', async () => {
    const { queue, started } = createQueue({ concurrency: 1 });
    queue.add('a');
    queue.add('b', 'later');
    queue.add('c', 'later');
    queue.add('d');
    await started[0]?.succeed();
    queue.add('e');
    await started[1]?.succeed();
    await started[2]?.succeed();
    expect(keysOf(started)).toBe('adeb');
  });

  it('has each key in one line only: called to the first it leaves the other, and stays there', async () => {
    const { queue, started } = createQueue({ concurrency: 1 });
    queue.add('a');
    queue.add('b', 'later');
    queue.add('c', 'later');
    queue.add('c');
    queue.add('c', 'later');
    for (const index of [0, 1, 2]) {
      await started[index]?.succeed();
    }
    expect(keysOf(started)).toBe('acb');
  });

  it('tries again in the line from which a key was taken', async () => {
    const { queue, started, clock } = createQueue({ concurrency: 1 });
    queue.add('a', 'later');
    await started[0]?.fail();
    queue.add('b');
    queue.add('c', 'later');
    queue.add('d');
    clock.advance(500);
    for (const index of [1, 2, 3]) {
      await started[index]?.succeed();
    }
    expect(keysOf(started)).toBe('abdca');
  });

  it('tries a failed key again, alone, later each time, and forgets the failures after a success', async () => {
    const { queue, started, failures, clock } = createQueue();
    queue.add('a');
    const delays = [500, 1000, 2000, 2000];
    for (const [index, delay] of delays.entries()) {
      await started[index]?.fail();
      clock.advance(delay - 1);
      expect(started).toHaveLength(index + 1);
      clock.advance(1);
      expect(started).toHaveLength(index + 2);
    }
    await started[4]?.succeed();
    queue.add('a');
    await started[5]?.fail();
    expect(failures).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 1']);
  });

  it('waits as long as the server asks', async () => {
    const { queue, started, clock } = createQueue();
    queue.add('a');
    await started[0]?.fail(new ApiError(429, 'Any', { retryAfterSeconds: 9 }));
    clock.advance(8999);
    expect(started).toHaveLength(1);
    clock.advance(1);
    expect(started).toHaveLength(2);
  });

  it('starts nothing at all while the server asks to wait', async () => {
    const { queue, started, clock } = createQueue();
    queue.add('a');
    await started[0]?.fail(new ApiError(429, 'Any', { retryAfterSeconds: 9 }));
    queue.add('a');
    queue.add('b');
    clock.advance(8999);
    expect(started.map(({ key }) => key)).toEqual(['a']);
    clock.advance(1);
    await started[1]?.succeed();
    expect(started.map(({ key }) => key)).toEqual(['a', 'a', 'b']);
    await started[2]?.succeed();
    clock.advance(10_000);
    expect(started).toHaveLength(3);
  });

  it('tries at once when a key that waits is added, and then not again', async () => {
    const { queue, started, clock } = createQueue();
    queue.add('a');
    await started[0]?.fail();
    queue.add('a');
    expect(started).toHaveLength(2);
    await started[1]?.succeed();
    clock.advance(10_000);
    expect(started).toHaveLength(2);
  });

  it('does a key that was added during its work at once, even after a failure, and then not again', async () => {
    const { queue, started, clock } = createQueue();
    queue.add('a');
    queue.add('a');
    await started[0]?.fail();
    expect(started).toHaveLength(2);
    await started[1]?.succeed();
    clock.advance(10_000);
    expect(started).toHaveLength(2);
  });

  it('starts no more than its budget allows', () => {
    const clock = createFakeClock();
    const budget = createTokenBucket(clock, 10);
    const { queue, started } = createQueue({ clock, budget, concurrency: 100 });
    for (let key = 0; key < 25; key += 1) {
      queue.add(`${key}`);
    }
    expect(started).toHaveLength(10);
    clock.advance(500);
    expect(started).toHaveLength(15);
    clock.advance(1000);
    expect(started).toHaveLength(25);
    // But for the deadlines nothing waits any more.
    expect(clock.pending()).toHaveLength(25);
    // An hour of rest is no credit for more than a second.
    clock.advance(3_600_000);
    for (let key = 100; key < 125; key += 1) {
      queue.add(`${key}`);
    }
    expect(started).toHaveLength(35);
  });

  it('aborts work that takes longer than 30 s, and tries again after the back-off', async () => {
    const { queue, started, failures, clock } = createQueue();
    queue.add('a');
    clock.advance(29_999);
    expect(started[0]?.signal.aborted).toBe(false);
    clock.advance(1);
    expect(started[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' });
    await started[0]?.fail(started[0].signal.reason);
    clock.advance(499);
    expect([keysOf(started), failures]).toEqual(['a', ['a 1']]);
    clock.advance(1);
    expect(keysOf(started)).toBe('aa');
    await started[1]?.succeed();
    expect(clock.pending()).toEqual([]);
  });

  it('gives the place of work that does not stop to other keys, and never its key to a second one', async () => {
    const { queue, started, clock } = createQueue({ concurrency: 1 });
    queue.add('a');
    queue.add('b');
    clock.advance(29_999);
    expect(keysOf(started)).toBe('a');
    clock.advance(1);
    queue.add('a');
    queue.add('c');
    await started[1]?.succeed();
    await started[2]?.succeed();
    clock.advance(3_600_000);
    expect(keysOf(started)).toBe('abc');
    await started[0]?.succeed();
    queue.add('d');
    expect(keysOf(started)).toBe('abca');
  });

  it('counts the end of the time, and what follows as no bug', async () => {
    const counted: string[] = [];
    const { queue, started, clock } = createQueue({
      metrics: {
        ...{ countAdd: () => undefined, countRetry: () => undefined, noteStart: () => undefined },
        ...{ follow: () => undefined },
        countTimeout: () => counted.push('timeout'),
        noteEnd: (result) => counted.push(result),
      },
    });
    queue.add('a');
    clock.advance(30_000);
    await started[0]?.fail(started[0].signal.reason);
    queue.add('b');
    await started[1]?.fail(new Error('any'));
    queue.add('c');
    void queue.close();
    expect(counted).toEqual(['timeout', 'error', 'panic']);
  });

  it('aborts and waits for its work when it is closed, and starts nothing any more', async () => {
    const { queue, started, failures, clock } = createQueue({ concurrency: 1 });
    queue.add('a');
    queue.add('b');
    let isClosed = false;
    const closed = queue.close().then(() => {
      isClosed = true;
    });
    await settle(5);
    expect(isClosed).toBe(false);
    expect(started[0]?.signal.aborted).toBe(true);
    await started[0]?.fail();
    await closed;
    queue.add('c');
    expect(keysOf(started)).toBe('a');
    expect([failures, clock.pending().length]).toEqual([[], 0]);
  });
});

describe('a coalesced task', () => {
  it('runs once for a burst, and once more for what came during a run', async () => {
    const clock = createFakeClock();
    const runs: (() => void)[] = [];
    const task = createCoalescedTask(
      clock,
      () => 20,
      () => new Promise<void>((resolve) => runs.push(resolve)),
    );
    task.request();
    clock.advance(19);
    task.request();
    expect(runs).toHaveLength(0);
    clock.advance(1);
    expect(runs).toHaveLength(1);
    task.request();
    task.request();
    clock.advance(1000);
    expect(runs).toHaveLength(1);
    runs[0]?.();
    await settle(5);
    clock.advance(20);
    expect(runs).toHaveLength(2);
    runs[1]?.();
    await settle(5);
    expect(clock.pending()).toEqual([]);
  });

  it('runs no more once it is stopped', async () => {
    const clock = createFakeClock();
    let runs = 0;
    const task = createCoalescedTask(
      clock,
      () => 20,
      async () => {
        runs += 1;
      },
    );
    task.request();
    await task.stop();
    task.request();
    clock.advance(1000);
    expect([runs, clock.pending().length]).toEqual([0, 0]);
  });

  it('ends with the run under way when it is stopped', async () => {
    const clock = createFakeClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const task = createCoalescedTask(
      clock,
      () => 20,
      () => promise,
    );
    task.request();
    clock.advance(20);
    task.request();
    const stopped = task.stop();
    resolve();
    await stopped;
    await settle(5);
    expect(clock.pending()).toEqual([]);
  });
});
