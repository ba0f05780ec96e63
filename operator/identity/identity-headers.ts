import type { Caller } from './caller.ts';

/** Name and value of a header field. */
export type HeaderField = readonly [name: string, value: string];

/** Says who the caller is and by which policy it was let in. What is not known, or empty, is left out. */
export function identityHeaders({ policy, principal }: Caller): readonly HeaderField[] {
  const { subject, issuer, clientId, scopes } = principal;
  return [
    ['Mcp-Auth-Subject', encodeValue(subject)],
    ['Mcp-Auth-Issuer', encodeValue(issuer)],
    ...(clientId === undefined ? [] : [['Mcp-Auth-Client-Id', encodeValue(clientId)] as const]),
    ...(scopes.length === 0 ? [] : [['Mcp-Auth-Scopes', scopes.map(encodeValue).join(' ')] as const]),
    ['Mcp-Auth-Policy-Namespace', policy.namespace],
    ['Mcp-Auth-Policy-Name', policy.name],
  ];
}

/**
 * Percent-encodes, as UTF-8 (RFC 3986 section 2.1), all that is not visible ASCII, and `%` itself. `decodeURIComponent`
 * gives the value back. No value can end its line, or look like another one.
 */
export function encodeValue(value: string): string {
  return value.replace(/[^\x21-\x24\x26-\x7e]+/g, (characters) =>
    // The API server may have named somebody in a way that is no text.
    encodeURIComponent(characters.toWellFormed()),
  );
}
