import type { Clock } from './clock.ts';

/** Waits for a turn on behalf of an owner; what it resolves with ends the turn. */
export type TakeTurn = (owner: string) => Promise<() => void>;

/**
 * Lets only so many be busy at a time. Owners who wait are served in rotation, each in the order in which it came: one
 * with a thousand waiting holds up another no longer than one with a single one. A turn ends by itself after `holdMs`.
 */
export function createTurns(count: number, holdMs: number, clock: Clock): TakeTurn {
  const waiting = new Map<string, (() => void)[]>();
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
    const [owner, queue] = waiting.entries().next().value ?? [];
    const next = queue?.shift();
    if (owner === undefined || queue === undefined || next === undefined) {
      busy -= 1;
      return;
    }
    waiting.delete(owner);
    if (queue.length > 0) waiting.set(owner, queue);
    next();
  }

  function wait(owner: string): Promise<void> {
    return new Promise((resolve) => {
      waiting.set(owner, [...(waiting.get(owner) ?? []), resolve]);
    });
  }

  return async (owner) => {
    if (busy < count) busy += 1;
    else await wait(owner);
    return hold();
  };
}
