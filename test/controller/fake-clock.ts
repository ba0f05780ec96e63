import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../operator/time/clock.ts';

/** A clock that moves only when it is told to. */
export interface FakeClock extends Clock {
  /** Moves on, running what falls due, in order. */
  advance(ms: number): void;
  /** How many tasks wait. */
  pending(): number;
}

export function createFakeClock(): FakeClock {
  let nowMs = 1_000_000;
  const tasks = new Set<{ readonly atMs: number; readonly task: () => void }>();
  function nextUntil(limitMs: number): { readonly atMs: number; readonly task: () => void } | undefined {
    return [...tasks].filter(({ atMs }) => atMs <= limitMs).sort((a, b) => a.atMs - b.atMs)[0];
  }
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(ms, task) {
      const entry = { atMs: nowMs + ms, task };
      tasks.add(entry);
      return () => tasks.delete(entry);
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (let next = nextUntil(endMs); next !== undefined; next = nextUntil(endMs)) {
        tasks.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.task();
      }
      nowMs = endMs;
    },
    pending: () => tasks.size,
  };
}

const patienceMs = 10_000;

/** Lets sockets and promises work until `condition` holds; throws when it never does. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > giveUpAtMs) {
      throw new Error(`waited in vain until ${condition}`);
    }
    await turn();
  }
}

/** Lets sockets and promises work for a while, to see that something does not happen. */
export async function settle(turns = 50): Promise<void> {
  for (let count = 0; count < turns; count += 1) {
    await turn();
  }
}
