import type { Clock } from './clock.ts';
import { createOwnerMemory } from './owner-memory.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';
import { serveFirst, type WaitingLine, waitIn } from './waiting-line.ts';

export interface Pace {
  /**
   * Resolves when an owner may start something, each of its own in the order in which it asked. Rejects when the signal is
   * aborted before.
   */
  wait(owner: string, signal?: AbortSignal): Promise<void>;
  /** How many owners are remembered. */
  size(): number;
}

interface Line {
  readonly bucket: TokenBucket;
  readonly waiting: WaitingLine;
  cancelTimer: () => void;
}

/** Lets each owner start so many things a second, after a burst; owners do not wait for each other. */
export function createPace(clock: Clock, perSecond: number, burst: number): Pace {
  // One that has just used its burst must not have another at once.
  const lines = createOwnerMemory<Line>(({ bucket, waiting }) => waiting.size === 0 && bucket.isFull());

  function lineOf(owner: string): Line {
    const known = lines.get(owner);
    if (known !== undefined) return known;
    const line = {
      bucket: createTokenBucket(clock, perSecond, burst),
      waiting: new Set<() => void>(),
      cancelTimer: () => undefined,
    };
    lines.set(owner, line);
    return line;
  }

  function serve(line: Line): void {
    line.cancelTimer();
    while (line.waiting.size > 0) {
      const waitMs = line.bucket.take();
      if (waitMs > 0) {
        line.cancelTimer = clock.after(waitMs, () => serve(line));
        return;
      }
      serveFirst(line.waiting);
    }
  }

  return {
    async wait(owner, signal) {
      signal?.throwIfAborted();
      const line = lineOf(owner);
      const served = waitIn(line.waiting, signal);
      serve(line);
      await served;
    },
    size: lines.size,
  };
}
