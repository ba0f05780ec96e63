import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from './installation.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Replicas that are killed and started again, or paused, at random moments; one is always left alone. */
export interface Strikes {
  /** How often a replica has been struck so far. */
  at(name: string): number;
  readonly kills: number;
  readonly pauses: number;
  /** Strikes no more, and waits until all replicas are ready again. */
  stop(): Promise<void>;
}

export interface StrikeTerms {
  /** It is paused like the others, but never killed. */
  readonly survivor: string;
  readonly longestPauseMs: number;
}

/** Two at a time: a leader that wakes up while its successor is killed. */
const strikers = 2;

export function startStrikes(
  { replicas, inRotation, start }: Installation,
  random: SeededRandom,
  { survivor, longestPauseMs }: StrikeTerms,
): Strikes {
  const struck = new Map<string, number>();
  const stopping = new AbortController();
  const counts = { kills: 0, pauses: 0 };

  async function kill(name: string): Promise<void> {
    counts.kills += 1;
    replicas.get(name)?.signal('SIGKILL');
    await delay(random.between(0, 1_000));
    await start(name);
  }

  async function pause(name: string): Promise<void> {
    counts.pauses += 1;
    replicas.get(name)?.signal('SIGSTOP');
    await delay(random.between(200, longestPauseMs), undefined, { signal: stopping.signal }).catch(
      () => undefined,
    );
    replicas.get(name)?.signal('SIGCONT');
    inRotation.add(name);
  }

  async function strikeOnAndOn(): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(random.between(200, 3_000));
      if (inRotation.size < 2) continue;
      const name = random.pick([...inRotation]);
      inRotation.delete(name);
      struck.set(name, (struck.get(name) ?? 0) + 1);
      await (name !== survivor && random.between(0, 2) < 1 ? kill(name) : pause(name));
    }
  }

  const running = Promise.all(Array.from({ length: strikers }, strikeOnAndOn));
  // Told by `stop`; until then it must not end the process.
  running.catch(() => undefined);
  return {
    at: (name) => struck.get(name) ?? 0,
    get kills() {
      return counts.kills;
    },
    get pauses() {
      return counts.pauses;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
