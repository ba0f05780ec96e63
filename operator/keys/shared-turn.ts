import { untilAborted } from '../time/deadline.ts';
import type { TakeTurn } from '../time/turns.ts';

/** The turns of something that several owners want: none of them can hold it up for the others. */
export interface SharedTurn {
  /** Resolves when it is the turn of any of the owners; what it gives ends the turn. Rejects when the signal is aborted before. */
  readonly take: (signal: AbortSignal) => Promise<() => void>;
  /** Who wants it from now on. One who is new helps what waits already. */
  readonly setOwners: (owners: ReadonlySet<string>) => void;
}

/** Waits in the lines of all owners at once; one wait at a time. */
export function createSharedTurn(takeTurn: TakeTurn, initial: ReadonlySet<string>): SharedTurn {
  const nobodyWaits = (): void => undefined;
  let owners = initial;
  let waitFor: (owner: string) => void = nobodyWaits;

  async function take(signal: AbortSignal): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<() => void>();
    const others = new AbortController();
    const asked = new Set<string>();

    async function ask(owner: string): Promise<void> {
      const end = await takeTurn(owner, others.signal);
      if (signal.aborted || others.signal.aborted) return end();
      others.abort();
      resolve(end);
    }

    waitFor = (owner) => {
      // Who has left and come back keeps its place.
      if (asked.has(owner)) return;
      asked.add(owner);
      ask(owner).catch(nobodyWaits);
    };
    for (const owner of owners) waitFor(owner);
    try {
      return await untilAborted(promise, signal);
    } finally {
      waitFor = nobodyWaits;
      others.abort();
    }
  }

  return {
    take,
    setOwners(now) {
      owners = now;
      for (const owner of now) waitFor(owner);
    },
  };
}
