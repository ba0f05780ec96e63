import type { Clock } from '../time/clock.ts';

/**
 * Lets only so many be busy at a time; the others wait in the order in which they came. A turn ends by calling what it
 * resolved with, or after `holdMs`: nobody can keep the others waiting for longer.
 */
export function createTurns(count: number, holdMs: number, clock: Clock): () => Promise<() => void> {
  const waiting: (() => void)[] = [];
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
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  }

  return async () => {
    if (busy < count) busy += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return hold();
  };
}
