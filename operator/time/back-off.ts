/** Bounds of a delay before the next try, in milliseconds. */
export interface BackOffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The longest delay after so many failures in a row, in milliseconds, unless the server asks for more. */
export function longestBackOffMs({ firstMs, maxMs }: BackOffLimits, failures: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
}

/** However long a server asks us to wait, we look again after this. */
const maxRetryAfterSeconds = 300;

/**
 * Exponential delay before the next try, with jitter over its upper half so that replicas do not retry in step.
 *
 * @param failures how many tries in a row have failed, at least 1
 * @param random from 0 (included) to 1 (excluded)
 * @param retryAfterSeconds what the server asked for; the delay is never shorter
 * @returns milliseconds, from `firstMs` to `maxMs` unless the server asked for more
 */
export function backOffMs(
  limits: BackOffLimits,
  failures: number,
  random: number,
  retryAfterSeconds = 0,
): number {
  const longest = longestBackOffMs(limits, failures);
  const asked = Math.min(retryAfterSeconds, maxRetryAfterSeconds) * 1000;
  return Math.max(longest * (0.5 + random / 2), asked * (1 + random / 10));
}
