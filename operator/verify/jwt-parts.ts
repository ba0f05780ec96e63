import { isJsonObject, type JsonObject } from '../json/json-object.ts';
import { parseStrictJson } from '../json/strict-json.ts';

/** A JWS in compact form (RFC 7515 section 7.1), taken apart strictly but not yet believed. */
export interface JwtParts {
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

const segmentsForm = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/**
 * Splits and decodes a token. Undefined when anything is not exactly as the standards write it: other characters,
 * padding, a non-canonical last character (one token must have one spelling), JSON with duplicate members, a byte order
 * mark, invalid UTF-8, too deep or too large.
 */
export function readJwtParts(token: string): JwtParts | undefined {
  const segments = segmentsForm.exec(token);
  if (segments === null) return undefined;
  const [, headerText = '', payloadText = '', signatureText = ''] = segments;
  if (decodeBase64Url(signatureText) === undefined) return undefined;
  const header = readObject(headerText);
  const payload = readObject(payloadText);
  return header === undefined || payload === undefined ? undefined : { header, payload };
}

/**
 * Whether a token claims to be a JOSE object: its first part is the start of a JSON object, in whatever spelling. What does
 * is judged as a JWT and nothing else.
 */
export function claimsToBeJwt(token: string): boolean {
  const dot = token.indexOf('.');
  const first = dot < 0 ? token : token.slice(0, dot);
  return Buffer.from(first, 'base64url').toString('latin1').trimStart().startsWith('{');
}

function readObject(segment: string): JsonObject | undefined {
  const bytes = decodeBase64Url(segment);
  const parsed = bytes === undefined ? undefined : parseStrictJson(bytes);
  return parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : undefined;
}

/** Base64url without padding (RFC 7515 section 2). Undefined when the unused bits of the last character are not zero. */
function decodeBase64Url(segment: string): Buffer | undefined {
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.toString('base64url') === segment ? bytes : undefined;
}
