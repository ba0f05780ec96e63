import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Listener, TlsIdentity } from '../http/listener.ts';
import { UsageError } from '../options.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { type FileContent, readContent } from './file-content.ts';
import { followContent } from './follow-content.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

type TlsContents = Readonly<Record<keyof TlsFiles, FileContent>>;

/** @throws UsageError when a file cannot be read, or the two are no certificate and its key. */
export async function readTlsFiles(files: TlsFiles): Promise<TlsIdentity> {
  return judgeTlsContents(files, await readTlsContents(files));
}

async function readTlsContents({ cert, key }: TlsFiles): Promise<TlsContents> {
  return { cert: await readContent(cert), key: await readContent(key) };
}

function judgeTlsContents({ cert, key }: TlsFiles, contents: TlsContents): TlsIdentity {
  const identity = {
    cert: textOf('--tls-cert', cert, contents.cert),
    key: textOf('--tls-key', key, contents.key),
  };
  try {
    createSecureContext(identity);
  } catch {
    throw new UsageError(
      `--tls-cert ${cert}, --tls-key ${key}: are not a PEM certificate and its private key`,
    );
  }
  return identity;
}

function textOf(flag: string, file: string, content: FileContent): string {
  if ('text' in content) return content.text;
  throw new UsageError(`${flag} ${file}: cannot be read (${content.unreadable})`);
}

/**
 * Serves new connections with the files' new content soon after it has changed; a pair that does not fit leaves the old
 * one in use, and says so once. Returns what ends the following.
 */
export function followTlsFiles(
  files: TlsFiles,
  /** What is served now. */
  served: TlsIdentity,
  listener: Pick<Listener, 'replaceIdentity'>,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): () => void {
  let current = served;

  function take(contents: TlsContents): void {
    try {
      const identity = judgeTlsContents(files, contents);
      if (isDeepStrictEqual(identity, current)) return;
      listener.replaceIdentity(identity);
      current = identity;
      log.info('certificate replaced');
    } catch (error) {
      log.error('certificate not replaced: the old one stays in use', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  return followContent({ read: () => readTlsContents(files), onChange: take, clock });
}
