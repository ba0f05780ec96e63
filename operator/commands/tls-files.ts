import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Listener, TlsIdentity } from '../http/listener.ts';
import { UsageError } from '../options.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

const pollMs = 5_000;

/** @throws UsageError when a file cannot be read, or the two are no certificate and its key. */
export async function readTlsFiles({ cert, key }: TlsFiles): Promise<TlsIdentity> {
  const identity = { cert: await read('--tls-cert', cert), key: await read('--tls-key', key) };
  try {
    createSecureContext(identity);
  } catch {
    throw new UsageError(
      `--tls-cert ${cert}, --tls-key ${key}: are not a PEM certificate and its private key`,
    );
  }
  return identity;
}

async function read(flag: string, file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${flag} ${file}: cannot be read (${error.code ?? 'unknown error'})`);
  });
}

/**
 * Serves new connections with the files' new content soon after it has changed; a pair that does not fit leaves the old
 * one in use. Returns what ends the following.
 */
export function followTlsFiles(
  files: TlsFiles,
  /** What is served now. */
  served: TlsIdentity,
  listener: Pick<Listener, 'replaceIdentity'>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): () => void {
  let current = served;
  let cancel = (): void => undefined;
  let isOver = false;

  async function look(): Promise<void> {
    try {
      const identity = await readTlsFiles(files);
      if (!isDeepStrictEqual(identity, current)) {
        listener.replaceIdentity(identity);
        current = identity;
        log.info('certificate replaced');
      }
    } catch (error) {
      log.error('certificate not replaced: the old one stays in use', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
    if (!isOver) cancel = clock.after(pollMs, () => void look());
  }

  void look();
  return () => {
    isOver = true;
    cancel();
  };
}
