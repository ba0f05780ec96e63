/**
 * Lets only so many be busy at a time; the others wait in the order in which they came. A turn ends by calling what it
 * resolved with.
 */
export function createTurns(count: number): () => Promise<() => void> {
  const waiting: (() => void)[] = [];
  let busy = 0;

  function end(): void {
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    // The turn is handed over: nobody can come in between.
    else next();
  }

  return async () => {
    if (busy < count) busy += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return end;
  };
}
