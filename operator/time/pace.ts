import type { Clock } from './clock.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** Resolves when an owner may start something, each of its own in the order in which it asked. */
export type AwaitPace = (owner: string) => Promise<void>;

interface Line {
  readonly bucket: TokenBucket;
  /** Ends when the last of the line may start. */
  last: Promise<void>;
}

/** Lets each owner start so many things a second, after a burst; owners do not wait for each other. */
export function createPace(clock: Clock, perSecond: number, burst: number): AwaitPace {
  const lines = new Map<string, Line>();

  async function passAfter(before: Promise<void>, bucket: TokenBucket): Promise<void> {
    await before;
    for (let waitMs = bucket.take(); waitMs > 0; waitMs = bucket.take()) {
      await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
    }
  }

  return (owner) => {
    const line = lines.get(owner) ?? {
      bucket: createTokenBucket(clock, perSecond, burst),
      last: Promise.resolve(),
    };
    lines.set(owner, line);
    line.last = passAfter(line.last, line.bucket);
    return line.last;
  };
}
