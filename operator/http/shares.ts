import type { Shares } from '../policy/snapshot.ts';

/** Gives back what was taken; a second call does nothing. */
export type Release = () => void;

/** What the requests of each policy (`namespace/name`) have taken of its {@link Shares}. */
export interface SharesInUse {
  /** One request that is being answered; undefined when the policy has as many as it may. */
  takeRequest(policy: string): Release | undefined;
  /** One event stream. */
  takeStream(policy: string): Release | undefined;
  /** Bytes that are held because they have to be looked into: also of the shares of the namespace, and of all. */
  takeBytes(policy: string, bytes: number): Release | undefined;
  /** The event streams of all policies. */
  openStreams(): number;
}

/** Counts what is taken. An edit of the limits holds for what is taken from then on. */
export function createShares(limits: () => Shares): SharesInUse {
  const requests = createTally();
  const streams = createTally();
  const bytes = createTally();
  return {
    takeRequest: (policy) => requests.take(policy, 1, limits().maxInFlightPerPolicy),
    takeStream: (policy) => streams.take(policy, 1, limits().maxStreamsPerPolicy),
    takeBytes(policy, amount) {
      const { maxInspectedBytesPerPolicy, maxInspectedBytesPerNamespace, maxInspectedBytesInAll } = limits();
      const [namespace = ''] = policy.split('/');
      return takeAll([
        () => bytes.take(policy, amount, maxInspectedBytesPerPolicy),
        () => bytes.take(namespace, amount, maxInspectedBytesPerNamespace),
        () => bytes.take('', amount, maxInspectedBytesInAll),
      ]);
    },
    openStreams: streams.total,
  };
}

/** All or nothing. */
function takeAll(takes: readonly (() => Release | undefined)[]): Release | undefined {
  const taken: Release[] = [];
  const giveBack = (): void => {
    for (const release of taken) release();
  };
  for (const take of takes) {
    const release = take();
    if (release === undefined) {
      giveBack();
      return undefined;
    }
    taken.push(release);
  }
  return giveBack;
}

interface Tally {
  take(key: string, amount: number, limit: number): Release | undefined;
  total(): number;
}

function createTally(): Tally {
  const taken = new Map<string, number>();

  function add(key: string, amount: number): void {
    const sum = (taken.get(key) ?? 0) + amount;
    if (sum > 0) taken.set(key, sum);
    else taken.delete(key);
  }

  return {
    take(key, amount, limit) {
      if ((taken.get(key) ?? 0) + amount > limit) return undefined;
      add(key, amount);
      let isOver = false;
      return () => {
        if (!isOver) add(key, -amount);
        isOver = true;
      };
    },
    total: () => [...taken.values()].reduce((sum, amount) => sum + amount, 0),
  };
}
