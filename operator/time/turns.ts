import type { Clock } from './clock.ts';
import { serveFirst, type WaitingLine, waitIn } from './waiting-line.ts';

/** Waits for a turn on behalf of an owner; what it resolves with ends the turn. Rejects when the signal is aborted before. */
export type TakeTurn = (owner: string, signal?: AbortSignal) => Promise<() => void>;

/**
 * Lets only so many be busy at a time. Owners who wait are served in rotation, each in the order in which it came: one
 * with a thousand waiting holds up another no longer than one with a single one. A turn ends by itself after `holdMs`.
 */
export function createTurns(count: number, holdMs: number, clock: Clock): TakeTurn {
  const waiting = new Map<string, WaitingLine>();
  let busy = 0;

  function hold(): () => void {
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      handOver();
    };
    const cancel = clock.after(holdMs, end);
    return end;
  }

  /** The turn goes straight to the next: nobody can come in between. */
  function handOver(): void {
    for (const [owner, line] of waiting) {
      waiting.delete(owner);
      if (!serveFirst(line)) continue;
      if (line.size > 0) waiting.set(owner, line);
      return;
    }
    busy -= 1;
  }

  function lineOf(owner: string): WaitingLine {
    const line = waiting.get(owner) ?? new Set();
    waiting.set(owner, line);
    return line;
  }

  return async (owner, signal) => {
    signal?.throwIfAborted();
    if (busy < count) busy += 1;
    else await waitIn(lineOf(owner), signal);
    return hold();
  };
}
