import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { type OpenIdProvider, startOpenIdProvider } from '../fixtures/openid-provider.ts';

/** The client of the development issuer. No secret of anybody: the issuer lives on this machine while the demo runs. */
export const developmentClient = { id: 'demo', secret: 'demo-secret' } as const;

/** Where `manifests/samples` expect the issuer. */
const port = 9443;

/** Starts a real OpenID Provider on this machine, over TLS by a certificate authority made for the occasion. */
export async function startDevelopmentIssuer(): Promise<OpenIdProvider> {
  const ca = await createCertificateAuthority();
  try {
    return await startOpenIdProvider({ ca, port, hostname: 'localhost', clients: [developmentClient] });
  } catch (error) {
    throw new Error(`the development issuer cannot listen on port ${port}: free it and try again`, {
      cause: error,
    });
  }
}

/** The ConfigMap that the samples name, as a manifest. */
export function issuerCaManifest(caPem: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'issuer-ca', namespace: 'demo' },
    data: { 'ca.crt': caPem },
  });
}
