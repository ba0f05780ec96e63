import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Logger } from '../telemetry/log.ts';

/** Watches a changing set of directories. */
export interface DirectoryWatchers {
  /**
   * Watches these directories and no others; those that do not exist are left out. Tells whether a watch has begun:
   * what happened before it was not seen, and has to be read.
   */
  update(directories: readonly string[]): Promise<boolean>;
  close(): void;
}

interface Watch {
  readonly watcher: FSWatcher;
  /** A directory that was removed and made anew has the same path, and its old watch is dead without saying so. */
  readonly identity: string;
}

/** `onEvent` gets the directory, and the name of what changed in it where the system tells. Watches fail aloud, once. */
export function createDirectoryWatchers(
  log: Logger,
  onEvent: (directory: string, name: string | null) => void,
): DirectoryWatchers {
  const watches = new Map<string, Watch>();
  const complainedOf = new Set<string>();
  let isClosed = false;

  function begin(directory: string, identity: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => onEvent(directory, name));
      watcher.on('error', (error) => complain(directory, error));
      watches.set(directory, { watcher, identity });
    } catch (error) {
      complain(directory, error);
    }
  }

  function end(directory: string): void {
    watches.get(directory)?.watcher.close();
    watches.delete(directory);
  }

  function complain(directory: string, error: unknown): void {
    end(directory);
    if (complainedOf.has(directory)) return;
    complainedOf.add(directory);
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('cannot watch a directory; changes are found later, by polling', { directory, reason });
  }

  return {
    async update(directories) {
      const wanted = new Map<string, string>();
      for (const directory of directories) {
        const identity = await identify(directory);
        if (identity !== undefined) wanted.set(directory, identity);
      }
      if (isClosed) return false;
      for (const [directory, { identity }] of watches) {
        if (wanted.get(directory) !== identity) end(directory);
      }
      const missing = [...wanted].filter(([directory]) => !watches.has(directory));
      for (const [directory, identity] of missing) begin(directory, identity);
      return missing.some(([directory]) => watches.has(directory));
    },
    close() {
      isClosed = true;
      for (const directory of watches.keys()) end(directory);
    },
  };
}

/** The time of birth is part of it because a new directory often gets the inode number of the one just removed. */
async function identify(directory: string): Promise<string | undefined> {
  const info = await stat(directory, { bigint: true }).catch(() => undefined);
  return info === undefined ? undefined : `${info.dev}:${info.ino}:${info.birthtimeNs}`;
}
