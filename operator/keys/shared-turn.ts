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
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiting = new AbortController();
    const asked = new Set<string>();

    function stop(): void {
      waitFor = nobodyWaits;
      signal.removeEventListener('abort', leave);
      waiting.abort();
    }

    function leave(): void {
      stop();
      reject(signal.reason);
    }

    async function ask(owner: string): Promise<void> {
      const end = await takeTurn(owner, waiting.signal);
      // Two may have come at once.
      if (waiting.signal.aborted) return end();
      stop();
      resolve(end);
    }

    waitFor = (owner) => {
      // Who has left and come back keeps its place.
      if (asked.has(owner)) return;
      asked.add(owner);
      ask(owner).catch(nobodyWaits);
    };
    signal.addEventListener('abort', leave, { once: true });
    for (const owner of owners) waitFor(owner);
    return await promise;
  }

  return {
    take,
    setOwners(now) {
      owners = now;
      for (const owner of now) waitFor(owner);
    },
  };
}
