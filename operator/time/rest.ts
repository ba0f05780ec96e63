/**
 * How long not to begin again what has just kept everything else waiting for `workMs`: four times as long. With thousands
 * of policies, to go through all of them after each change would leave no time for callers.
 */
export function restAfter(workMs: number): number {
  return 4 * workMs;
}
