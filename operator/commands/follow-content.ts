import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../time/clock.ts';

export interface FollowContentParts<T extends object> {
  /** Reads all that is followed. Must not throw: that a file cannot be read is content too. */
  readonly read: () => Promise<T>;
  /** Takes what is there at first, then whatever differs from what it was given last, once that has been taken. Must not throw. */
  readonly onChange: (content: T) => void | Promise<void>;
  readonly clock: Clock;
}

const pollMs = 1_000;

/**
 * Follows files by what they hold, so that it does not matter how they are replaced: in place, by a rename, or by the
 * swapped link of a mounted volume. Returns what ends the following.
 */
export function followContent<T extends object>({
  read,
  onChange,
  clock,
}: FollowContentParts<T>): () => void {
  let seen: T | undefined;
  let taken: T | undefined;
  let cancel = (): void => undefined;
  let isOver = false;

  async function look(): Promise<void> {
    const content = await read();
    if (isOver) return;
    // Half a file can be good and mean something else, and of two files one is replaced first: what is still being written
    // is left alone.
    const isSettled = isDeepStrictEqual(content, seen);
    seen = content;
    if (isSettled && !isDeepStrictEqual(content, taken)) {
      taken = content;
      await onChange(content);
    }
    if (isOver) return;
    cancel = clock.after(pollMs, () => void look());
  }

  void look();
  return () => {
    isOver = true;
    cancel();
  };
}
