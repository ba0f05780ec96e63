/** Something for each owner, in bounded space: owners come and go. */
export interface OwnerMemory<T> {
  get(owner: string): T | undefined;
  set(owner: string, value: T): void;
  /** How many owners are remembered. */
  size(): number;
}

const leastSweepSize = 16;

/** Forgets, now and then, those of whom there is nothing to remember. */
export function createOwnerMemory<T>(isAsNew: (value: T) => boolean): OwnerMemory<T> {
  const values = new Map<string, T>();
  // Twice what a sweep has left: that makes it cheap for each owner, however many there are.
  let sweepSize = leastSweepSize;

  function sweep(): void {
    for (const [owner, value] of values) if (isAsNew(value)) values.delete(owner);
    sweepSize = Math.max(leastSweepSize, 2 * values.size);
  }

  return {
    get: (owner) => values.get(owner),
    set(owner, value) {
      if (values.size >= sweepSize && !values.has(owner)) sweep();
      values.set(owner, value);
    },
    size: () => values.size,
  };
}
