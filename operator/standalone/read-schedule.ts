import type { Clock } from '../time/clock.ts';

/** When to read next. */
export interface ReadSchedule {
  /** Something happened: reads within a moment, together with whatever else happens until then. */
  readSoon(): void;
  close(): void;
}

/** Writing a file is several events, and writing many files many: they are read once. */
const settleMs = 100;
/** Not every volume tells of its changes (network file systems, links to links). */
const pollMs = 10_000;

/**
 * Calls `read`, which must not reject, when told to and from then on now and again; never while it still runs.
 */
export function createReadSchedule(clock: Clock, read: () => Promise<void>): ReadSchedule {
  let isDueSoon = false;
  let isReading = false;
  let isClosed = false;
  let cancel = (): void => {};

  async function run(): Promise<void> {
    isDueSoon = false;
    isReading = true;
    await read();
    isReading = false;
    if (!isClosed) cancel = clock.after(isDueSoon ? settleMs : pollMs, run);
  }

  return {
    readSoon() {
      if (isDueSoon || isClosed) return;
      isDueSoon = true;
      if (isReading) return;
      cancel();
      cancel = clock.after(settleMs, run);
    },
    close() {
      isClosed = true;
      cancel();
    },
  };
}
