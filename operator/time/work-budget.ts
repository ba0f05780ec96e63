import type { Clock } from './clock.ts';
import { createOwnerMemory } from './owner-memory.ts';

/** Keeps what is done on behalf of each owner to a part of the time, so that there is time left for others. */
export interface WorkBudget {
  /** Does some work that nothing can interrupt: at once, or when what the owner has used up has come back. */
  spend<T>(owner: string, work: () => T): Promise<T>;
  /** How many owners are remembered. */
  size(): number;
}

/** Of the time, for each owner. */
const part = 0.25;
/** What an owner who has been quiet may use at once, in milliseconds. */
const burstMs = 100;
/** What one piece of work costs at most: a process that was paused in the middle of it has not worked that long. */
const maxCostMs = 500;

interface Balance {
  leftMs: number;
  atMs: number;
}

export function createWorkBudget(clock: Clock): WorkBudget {
  const balances = createOwnerMemory<Balance>((balance) => leftAt(balance, clock.monotonicMs()) >= burstMs);

  function balanceOf(owner: string): Balance {
    const nowMs = clock.monotonicMs();
    const before = balances.get(owner);
    const balance = { leftMs: before === undefined ? burstMs : leftAt(before, nowMs), atMs: nowMs };
    balances.set(owner, balance);
    return balance;
  }

  async function untilPositive(owner: string): Promise<void> {
    for (let { leftMs } = balanceOf(owner); leftMs <= 0; { leftMs } = balanceOf(owner)) {
      const missingMs = Math.floor(-leftMs / part) + 1;
      await new Promise<void>((resolve) => clock.after(missingMs, resolve));
    }
  }

  return {
    async spend(owner, work) {
      await untilPositive(owner);
      const startMs = clock.monotonicMs();
      try {
        return work();
      } finally {
        balanceOf(owner).leftMs -= Math.min(maxCostMs, clock.monotonicMs() - startMs);
      }
    },
    size: balances.size,
  };
}

function leftAt({ leftMs, atMs }: Balance, nowMs: number): number {
  return Math.min(burstMs, leftMs + (nowMs - atMs) * part);
}
