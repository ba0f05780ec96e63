import { parseStrictUrl } from '../api/strict-url.ts';
import { parseStrictJson } from '../json/strict-json.ts';
import type { KeyFailure } from './key-source.ts';
import type { DocumentOutcome } from './outbound.ts';

export type DiscoveryOutcome =
  | { readonly ok: true; readonly jwksURI: string }
  | { readonly ok: false; readonly failure: KeyFailure };

/** Bytes of an authorization server's metadata that are read at most. */
export const maxMetadataBytes = 64 * 1024;

/**
 * Where an issuer's metadata may be, in the order in which MCP clients look: RFC 8414 section 3.1 (the well-known string
 * goes before the path), OpenID Connect with the same insertion, OpenID Connect Discovery section 4 (appended). A final
 * slash of the issuer is left out, as both standards say.
 *
 * @param discoveryURL - the only location, when the policy names one.
 */
export function discoveryLocations(issuer: string, discoveryURL?: string): readonly string[] {
  if (discoveryURL !== undefined) return [discoveryURL];
  const base = issuer.replace(/\/$/, '');
  const path = parseStrictUrl(base)?.path ?? '';
  const origin = base.slice(0, base.length - path.length);
  const inserted = ['oauth-authorization-server', 'openid-configuration'].map(
    (name) => `${origin}/.well-known/${name}${path}`,
  );
  return path === '' ? inserted : [...inserted, `${base}/.well-known/openid-configuration`];
}

/**
 * Judges metadata: its `issuer` must be the expected one byte for byte (RFC 8414 section 3.3), its `jwks_uri` an https URL
 * that can be read in one way only.
 */
export function judgeMetadata(body: Uint8Array, issuer: string): DiscoveryOutcome {
  const parsed = parseStrictJson(body);
  const metadata = parsed.ok ? parsed.value : undefined;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return fail('InvalidDocument');
  const { issuer: named, jwks_uri: jwksURI } = metadata as Readonly<Record<string, unknown>>;
  if (typeof named !== 'string') return fail('InvalidDocument');
  if (named !== issuer) return fail('IssuerMismatch');
  if (typeof jwksURI !== 'string' || parseStrictUrl(jwksURI)?.scheme !== 'https')
    return fail('InvalidDocument');
  // A copy: what was cut out of the document would keep the whole document in memory.
  return { ok: true, jwksURI: Buffer.from(jwksURI).toString() };
}

/** From the least telling to the most. */
const telling: readonly KeyFailure[] = [
  'HTTPError',
  'Forbidden',
  'TooLarge',
  'InvalidDocument',
  'IssuerMismatch',
];

/**
 * Looks at one location after the other. A server that answers, but not with good metadata, may have it elsewhere (some
 * answer unknown paths with a page); one that cannot be reached will not be reached elsewhere either.
 */
export async function discover(
  issuer: string,
  locations: readonly string[],
  fetch: (url: string) => Promise<DocumentOutcome>,
): Promise<DiscoveryOutcome> {
  let failure: KeyFailure = 'HTTPError';
  for (const location of locations) {
    const fetched = await fetch(location);
    if (!fetched.ok && !fetched.answered) return fail(fetched.failure);
    const judged = fetched.ok ? judgeMetadata(fetched.body, issuer) : fail(fetched.failure);
    if (judged.ok) return judged;
    if (telling.indexOf(judged.failure) > telling.indexOf(failure)) failure = judged.failure;
  }
  return fail(failure);
}

function fail(failure: KeyFailure): DiscoveryOutcome & { readonly ok: false } {
  return { ok: false, failure };
}
