/** What the header `Mcp-Name` says of a body (MCP 2026-07-28, streamable HTTP, "Request Metadata" and "Value Encoding"). */

/** Extensions have methods of their own in which it repeats something else. */
const namedBy: ReadonlyMap<unknown, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

/** The parameter that it repeats; undefined where we know of none. */
export function nameParameter(method: unknown): string | undefined {
  return namedBy.get(method);
}

const encoded = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A value that cannot stand in a header is sent as `=?base64?…?=` of its UTF-8. Undefined when it cannot be decoded. */
export function decodeName(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const base64 = encoded.exec(value)?.[1];
  if (base64 === undefined) return undefined;
  try {
    return utf8.decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}
