import { hkdfSync, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import { readSigningKey, type SigningKey } from './signing-key.ts';

/** RFC 7517 section 5. */
export interface JwkSet {
  readonly keys: readonly JWK[];
}

/** The keys in use at one moment; replaced whole. */
export interface AssertionKeys {
  /** Signs assertions. Absent: none are made. */
  readonly signing?: SigningKey;
  /** The public half of every key, that of the signing one first. Absent when there are no keys. */
  readonly published?: JwkSet;
  /** 32 bytes each. The first one binds sessions to callers; what any of them has bound still counts. */
  readonly sessionKeys: readonly Uint8Array[];
}

/** What a directory of key files holds: PEM text by file name. */
export type KeyFiles = ReadonlyMap<string, string>;

export type KeysOutcome =
  | { readonly ok: true; readonly keys: AssertionKeys }
  /** The file to mend. */
  | { readonly ok: false; readonly file: string; readonly problem: 'missing' | 'unusable' };

/** The file whose key signs. All others are published only: keys that will sign, or have signed. */
export const signingFile = 'current.pem';

/**
 * Makes the keys of the files, all of them or none. No files: no assertions.
 *
 * @param processKey - 32 random bytes: binds sessions where there are no keys that all replicas share.
 */
export async function createAssertionKeys(files: KeyFiles, processKey: Uint8Array): Promise<KeysOutcome> {
  if (files.size === 0) return { ok: true, keys: { sessionKeys: [processKey] } };
  if (!files.has(signingFile)) return { ok: false, file: signingFile, problem: 'missing' };
  const others = [...files.keys()].filter((file) => file !== signingFile).sort();
  const byKid = new Map<string, SigningKey>();
  for (const file of [signingFile, ...others]) {
    const key = await readSigningKey(files.get(file) ?? '');
    if (key === undefined) return { ok: false, file, problem: 'unusable' };
    // The same key under two names is one key.
    if (!byKid.has(key.kid)) byKid.set(key.kid, key);
  }
  const keys = [...byKid.values()];
  return {
    ok: true,
    keys: {
      ...(keys[0] === undefined ? {} : { signing: keys[0] }),
      published: { keys: keys.map(({ publicJwk }) => publicJwk) },
      sessionKeys: keys.map(({ privateKey }) => deriveSessionKey(privateKey)),
    },
  };
}

/** HKDF-SHA256 (RFC 5869) of the private part itself, so that it does not matter how the file is written. */
function deriveSessionKey(privateKey: KeyObject): Uint8Array {
  const { d = '' } = privateKey.export({ format: 'jwk' });
  return new Uint8Array(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', 'mcp session binding', 32));
}
