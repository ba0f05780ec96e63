/** Random choices that can be made again, given the same seed. */
export interface SeededRandom {
  /** From `low` (included) to `high` (excluded). */
  between(low: number, high: number): number;
  /** One of them; throws when there is none. */
  pick<T>(among: readonly T[]): T;
}

/** The seed of a run: CHAOS_SEED, or another one each time. */
export function chooseSeed(): number {
  return Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 31);
}

/** Mulberry32: small, and good enough to choose victims. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed;
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const between = (low: number, high: number): number => low + next() * (high - low);
  return {
    between,
    pick(among) {
      if (among.length === 0) throw new Error('there is nothing to choose from');
      return among[Math.floor(between(0, among.length))] as (typeof among)[number];
    },
  };
}
