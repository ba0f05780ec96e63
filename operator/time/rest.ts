/** A process that was paused in the middle of its work has not worked that long. */
const longestRestMs = 2_000;

/**
 * How long not to begin again what has just kept everything else waiting for `workMs`: four times as long, but no longer than
 * two seconds. With thousands of policies, to go through all of them after each change would leave no time for callers.
 */
export function restAfter(workMs: number): number {
  return Math.min(4 * workMs, longestRestMs);
}
