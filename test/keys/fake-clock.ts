import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../operator/time/clock.ts';

/** A clock that moves only when it is told to. */
export interface FakeClock extends Clock {
  /** Moves both times on, running what falls due, in order and at its time. */
  advance(ms: number): void;
  /** Sets the wall clock alone, as an administrator or NTP would. */
  setWallClock(nowMs: number): void;
  /** Milliseconds from now to each waiting task, soonest first. */
  pending(): readonly number[];
}

interface Task {
  readonly atMs: number;
  readonly run: () => void;
}

/** Starts at a wall clock time and a monotonic time that have nothing to do with each other. */
export function createFakeClock(wallMs = Date.parse('2026-11-24T12:00:00Z')): FakeClock {
  const tasks = new Set<Task>();
  let monotonicMs = 50_000;
  let offsetMs = wallMs - monotonicMs;

  const inOrder = (): readonly Task[] => [...tasks].sort((a, b) => a.atMs - b.atMs);

  function runNext(limitMs: number): boolean {
    const [next] = inOrder();
    if (next === undefined || next.atMs > limitMs) return false;
    tasks.delete(next);
    monotonicMs = Math.max(monotonicMs, next.atMs);
    next.run();
    return true;
  }

  return {
    nowMs: () => monotonicMs + offsetMs,
    monotonicMs: () => monotonicMs,
    after(ms, run) {
      const task = { atMs: monotonicMs + ms, run };
      tasks.add(task);
      return () => tasks.delete(task);
    },
    advance(ms) {
      const endMs = monotonicMs + ms;
      while (runNext(endMs));
      monotonicMs = endMs;
    },
    setWallClock(nowMs) {
      offsetMs = nowMs - monotonicMs;
    },
    pending: () => inOrder().map(({ atMs }) => atMs - monotonicMs),
  };
}

/** Lets sockets and promises work until `condition` holds; the test's own time limit is the only one. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Lets sockets and promises work for a while, to see that something does not happen. */
export async function settle(turns = 50): Promise<void> {
  for (let count = 0; count < turns; count += 1) await turn();
}
