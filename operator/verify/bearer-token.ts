/** What the `Authorization` headers of a request hold. */
export type BearerToken =
  | { readonly kind: 'token'; readonly token: string }
  /** No credentials for the Bearer scheme. */
  | { readonly kind: 'none' }
  /** Credentials that cannot be read as one bearer token: the request is malformed, the token is never evaluated. */
  | { readonly kind: 'invalid' };

/** `Bearer` in any case, one space, and a b64token (RFC 6750 section 2.1). */
const credentialsForm = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * Reads the token from the values of all `Authorization` headers of one request, one entry for each header as it was
 * sent. More than one header, or one with anything but one token, is never narrowed down to a token.
 */
export function readBearerToken(headers: readonly string[]): BearerToken {
  const [header, ...others] = headers;
  if (header === undefined) return { kind: 'none' };
  if (others.length > 0) return { kind: 'invalid' };
  const token = credentialsForm.exec(header)?.[1];
  if (token !== undefined) return { kind: 'token', token };
  // Another scheme is not for us; a list of credentials with a bearer token in it is a trap.
  return /\bbearer\b/i.test(header) ? { kind: 'invalid' } : { kind: 'none' };
}
