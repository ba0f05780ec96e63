import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Admission } from '../backend.ts';

/** The longest id of an upstream's session that is passed on. */
const maxLength = 1024;

/**
 * What a client gets in the place of its upstream's session id (`Mcp-Session-Id`, MCP revisions before 2026-07-28): the id
 * behind a code that only this policy and this caller have. A session id is no credential, but most servers take it for
 * one. Nothing is remembered, so every replica with the same keys opens what another has sealed.
 *
 * @returns undefined for an id that no server should have made: empty, very long, or not of visible ASCII.
 */
export function sealSession(id: string, admission: Admission, key: Uint8Array): string | undefined {
  return isSessionId(id) ? `${codeOf(id, admission, key).toString('base64url')}.${id}` : undefined;
}

/** The upstream's id again; undefined when it was sealed for somebody else, by nobody, or with a key that is not known. */
export function openSession(
  sealed: string,
  admission: Admission,
  keys: readonly Uint8Array[],
): string | undefined {
  const [, code = '', id = ''] = /^([A-Za-z0-9_-]{43})\.(.+)$/.exec(sealed) ?? [];
  if (!isSessionId(id)) return undefined;
  const given = Buffer.from(code, 'base64url');
  // Unused bits of the last character would give one session more than one spelling.
  if (given.toString('base64url') !== code) return undefined;
  return keys.some((key) => timingSafeEqual(codeOf(id, admission, key), given)) ? id : undefined;
}

/** MCP 2025-11-25, Streamable HTTP, Session Management: visible ASCII. */
function isSessionId(id: string): boolean {
  return id.length <= maxLength && /^[\x21-\x7e]+$/.test(id);
}

function codeOf(id: string, { policy, principal }: Admission, key: Uint8Array): Buffer {
  const { issuer, subject, clientId } = principal;
  // As JSON: where one part ends and the next begins cannot be shifted.
  const content = [policy.namespace, policy.name, issuer, subject, clientId ?? null, id];
  return createHmac('sha256', key).update(JSON.stringify(content)).digest();
}
