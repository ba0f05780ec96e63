/** Whether faults last as long as the matrix says (FAULTS=full), or shorter, as in CI. */
export const isFull = process.env.FAULTS === 'full';

/** How long a fault lasts, in milliseconds. */
export function lasting({ seconds, full }: { readonly seconds: number; readonly full: number }): number {
  return times({ short: seconds, full }) * 1000;
}

/** How often something happens. */
export function times({ short, full }: { readonly short: number; readonly full: number }): number {
  return isFull ? full : short;
}

/**
 * A promised time as a limit. The long version, which measures, holds to it; the short one gives up much later only, so that it
 * passes on a slow machine.
 */
export function within(promisedMs: number): number {
  return isFull ? promisedMs : promisedMs * 5;
}

/** How long a row may take: faults, recoveries and a slow machine. */
export const rowTimeoutMs = isFull ? 900_000 : 300_000;
