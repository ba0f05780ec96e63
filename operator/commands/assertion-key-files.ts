import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type AssertionKeys, createAssertionKeys, type KeyFiles } from '../identity/assertion-keys.ts';
import { UsageError } from '../options.ts';
import type { LogFields, Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { followContent } from './follow-content.ts';

export interface AssertionKeyFilesParts {
  /** Without one there are never any keys. */
  readonly directory: string | undefined;
  /** 32 random bytes, see {@link createAssertionKeys}. */
  readonly processKey: Uint8Array;
}

export interface FollowAssertionKeysParts extends AssertionKeyFilesParts {
  /** Takes other keys, which are in use when this returns. */
  readonly onChange: (keys: AssertionKeys) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the directory held at one look, or why it could not be read. */
type Content = { readonly files: KeyFiles } | { readonly problem: string };

const howToMakeOne = 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out';

/**
 * Reads all key files of the directory. Without any `*.pem` file there are no keys: they may come later.
 *
 * @throws UsageError when the directory or a file cannot be read, is no key that signs, or no file is the one that signs.
 */
export async function readAssertionKeys({
  directory,
  processKey,
}: AssertionKeyFilesParts): Promise<AssertionKeys> {
  const content =
    directory === undefined ? { files: new Map<string, string>() } : await readContent(directory);
  return await judgeContent(content, { directory, processKey });
}

/**
 * Has the keys taken over soon after the files have changed, all of them at once; files that are not good leave those
 * in use as they are, and are told of once. Returns what ends the following.
 *
 * @param inUse - what was read at the start.
 */
export function followAssertionKeys(inUse: AssertionKeys, parts: FollowAssertionKeysParts): () => void {
  const { directory, onChange, clock, log } = parts;
  let current = inUse;

  async function take(content: Content): Promise<void> {
    try {
      const keys = await judgeContent(content, parts);
      if (isSame(keys, current)) return;
      onChange(keys);
      current = keys;
      if (keys.signing === undefined) log.warn('assertion keys removed: upstreams get no signed assertion');
      else log.info('assertion keys replaced', describe(keys));
    } catch (error) {
      log.error('assertion keys not replaced: the old ones stay in use', {
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  if (directory === undefined) return () => undefined;
  if (inUse.signing === undefined) log.info('no assertion keys yet: upstreams get no signed assertion');
  else log.info('assertion keys read', describe(inUse));
  return followContent({
    read: () => readContent(directory),
    onChange: take,
    clock,
  });
}

async function readContent(directory: string): Promise<Content> {
  let file = '';
  try {
    const files = new Map<string, string>();
    for (const name of (await readdir(directory)).filter((entry) => entry.endsWith('.pem')).sort()) {
      file = name;
      files.set(name, await readFile(join(directory, name), 'utf8'));
    }
    return { files };
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    return { problem: `${join(directory, file)}: cannot be read (${code})` };
  }
}

async function judgeContent(
  content: Content,
  { directory = '', processKey }: AssertionKeyFilesParts,
): Promise<AssertionKeys> {
  if ('problem' in content) throw new UsageError(`--assertion-keys ${content.problem}`);
  const outcome = await createAssertionKeys(content.files, processKey);
  if (outcome.ok) return outcome.keys;
  const path = join(directory, outcome.file);
  const problem =
    outcome.problem === 'missing'
      ? 'is missing, and its key is the one that signs'
      : 'is no private key that signs assertions (P-256, Ed25519, or RSA of 2048 to 8192 bits; PKCS#8 as PEM, not encrypted)';
  throw new UsageError(`--assertion-keys ${path}: ${problem}: ${howToMakeOne} ${path}`);
}

function isSame(a: AssertionKeys, b: AssertionKeys): boolean {
  return isDeepStrictEqual(a.published, b.published);
}

function describe({ signing, published }: AssertionKeys): LogFields {
  return { signing: signing?.kid, published: published?.keys.length };
}
