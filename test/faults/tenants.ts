import type { CertificateAuthority } from '../fixtures/certificates.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import type { Signer } from '../fixtures/token-forge.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import type { Caller } from './load.ts';

/** The tenant under load. */
export const tenant = 'team-a';
/** Another tenant, with an issuer of its own. */
export const neighbour = 'team-b';
/** What the policies under load ask for. */
export const audience = 'https://mcp.example.com';

/** The two tenants' issuers, real ones over TLS, and who calls with their tokens. */
export interface Tenants {
  readonly issuer: ScriptableIssuer;
  readonly neighbourIssuer: ScriptableIssuer;
  /** The key of the tenant's issuer. */
  readonly signer: Signer;
  /** A token as this caller has one, for the tenant's policy. Bad ones are bad in three ways, in turn. */
  token(caller: Caller): string;
  /** A good token of the tenant's issuer, for another audience. */
  tokenFor(audience: string): string;
}

export async function startTenants(ca: CertificateAuthority): Promise<Tenants> {
  const signer = await createSigner('ES256', { kid: 'first' });
  // Says that it is the issuer's key.
  const forger = await createSigner('ES256', { kid: 'first' });
  const other = await createSigner('ES256', { kid: 'other' });
  const issuer = await startScriptableIssuer({ ca, keys: { keys: [signer.publicJwk] } });
  const neighbourIssuer = await startScriptableIssuer({ ca, keys: { keys: [other.publicJwk] } });

  function sign(by: Signer, changes: object): string {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer.issuer, aud: audience, sub: 'alice', iat, exp: iat + 300 };
    return by.sign({}, { ...claims, ...changes });
  }
  // Also by a clock that is hours behind.
  const longAgo = Math.floor(Date.now() / 1000) - 24 * 3600;
  const bad = [
    () => sign(signer, { iat: longAgo, exp: longAgo + 300 }),
    () => sign(forger, {}),
    () => sign(signer, { aud: 'https://other.example.com' }),
  ];
  let turn = 0;
  return {
    issuer,
    neighbourIssuer,
    signer,
    tokenFor: (aud) => sign(signer, { aud }),
    token(caller) {
      if (caller === 'good') return sign(signer, {});
      if (caller === 'foreign') return sign(other, { iss: neighbourIssuer.issuer });
      turn += 1;
      return bad[turn % bad.length]?.() ?? '';
    },
  };
}
