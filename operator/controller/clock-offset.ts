/** An answer of another machine, and when it came by our clocks. */
export interface DatedAnswer {
  /** Value of the header `Date` (RFC 9110 6.6.1), as it came. */
  readonly date: string | undefined;
  /** Our wall clock when the head of the answer had come, in epoch milliseconds. */
  readonly receivedMs: number;
  /** Monotonic milliseconds from the request to the head of its answer. */
  readonly tookMs: number;
}

/**
 * How far our wall clock is ahead of the other machine's, in seconds; negative when it is behind. Wrong by at most half a
 * second and half of what the exchange took. Undefined without exactly one date that can be read.
 */
export function clockOffsetSeconds({ date, receivedMs, tookMs }: DatedAnswer): number | undefined {
  const saidMs = readDate(date);
  // A date is cut to the second, and is set at any time during the exchange: the middle of either is wrong by the least.
  return saidMs === undefined ? undefined : (receivedMs - tookMs / 2 - (saidMs + 500)) / 1000;
}

/**
 * Reads the form in which a date must be sent (RFC 9110 5.6.7). JavaScript reads much else, guessing at time zones, and
 * writes exactly this one.
 */
function readDate(text = ''): number | undefined {
  const epochMs = Date.parse(text);
  return !Number.isNaN(epochMs) && new Date(epochMs).toUTCString() === text ? epochMs : undefined;
}
