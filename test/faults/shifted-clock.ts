/**
 * Loaded into a process before its program: its wall clock is off by as many milliseconds as the file says that the query
 * `offset` names, which may change at any time. The monotonic clock is left alone, as when somebody sets the time.
 */
import { readFileSync } from 'node:fs';

const file = new URL(import.meta.url).searchParams.get('offset') ?? '';
const RightDate = Date;
/** Asked for the time very often, a process should not read a file each time. */
const readEveryMs = 20;
let offsetMs = 0;
let readAtMs = Number.NEGATIVE_INFINITY;

function now(): number {
  if (performance.now() - readAtMs >= readEveryMs) {
    readAtMs = performance.now();
    offsetMs = Number(readFileSync(file, 'utf8'));
  }
  return RightDate.now() + offsetMs;
}

class ShiftedDate extends RightDate {
  constructor(...given: readonly number[]) {
    if (given.length === 0) super(now());
    else super(...(given as [number]));
  }

  static override now = now;
}

globalThis.Date = ShiftedDate as DateConstructor;
