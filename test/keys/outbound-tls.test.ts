import { createServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDocumentFetcher, type DocumentOutcome } from '../../operator/keys/outbound.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, until } from '../fixtures/fake-clock.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { allowLoopback, resolveTo, startCanary } from './loopback.ts';

let ca: CertificateAuthority;
let issuer: ScriptableIssuer | undefined;

beforeAll(async () => {
  ca = await createCertificateAuthority();
});
afterEach(async () => {
  await issuer?.stop();
  vi.unstubAllEnvs();
});

const fetchDocument = createDocumentFetcher({ resolve: resolveTo(['127.0.0.1']) });
const tlsFailure = { ok: false, failure: 'TLSFailure', answered: false };

async function fetchFrom(
  options: Partial<Parameters<typeof startScriptableIssuer>[0]>,
  trust: { readonly caPem?: string } = { caPem: ca.certificatePem },
): Promise<DocumentOutcome> {
  issuer = await startScriptableIssuer({ ca, keys: { keys: [] }, ...options });
  const { jwksURI: url } = issuer;
  return await fetchDocument({ url, outbound: allowLoopback(url), maxBytes: 1 << 16, ...trust });
}

describe('a certificate', () => {
  it('of the trusted authority for the right host is taken', async () => {
    expect(await fetchFrom({})).toMatchObject({ ok: true });
  });

  it('that names the address is taken for a literal', async () => {
    const certificate = await ca.issue({ hosts: ['127.0.0.1'] });
    expect(await fetchFrom({ hostname: '127.0.0.1', certificate })).toMatchObject({ ok: true });
  });

  it('that does not name the address is refused for a literal', async () => {
    const certificate = await ca.issue({ hosts: ['localhost'] });
    expect(await fetchFrom({ hostname: '127.0.0.1', certificate })).toEqual(tlsFailure);
  });

  it('for another host is refused', async () => {
    const certificate = await ca.issue({ hosts: ['idp.example.com', '127.0.0.1'] });
    expect(await fetchFrom({ certificate })).toEqual(tlsFailure);
  });

  it('that has expired is refused', async () => {
    const notAfter = new Date('2021-01-01T00:00:00Z');
    const certificate = await ca.issue({ hosts: ['localhost'], notAfter });
    expect(await fetchFrom({ certificate })).toEqual(tlsFailure);
  });

  it('of another authority is refused', async () => {
    const other = await createCertificateAuthority();
    expect(await fetchFrom({ ca: other })).toEqual(tlsFailure);
  });

  it('of a private authority is refused where the public ones are trusted', async () => {
    expect(await fetchFrom({}, {})).toEqual(tlsFailure);
  });

  it('is verified whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    expect(await fetchFrom({ ca: await createCertificateAuthority() })).toEqual(tlsFailure);
  });
});

describe('trust', () => {
  it.each([
    ['no PEM', 'hello'],
    ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['nothing', ''],
  ])('in %s is trust in nobody', async (_, caPem) => {
    expect(await fetchFrom({}, { caPem })).toEqual(tlsFailure);
  });

  it('is not carried over by a session: who trusted before is no matter', async () => {
    expect(await fetchFrom({})).toMatchObject({ ok: true });
    const url = issuer?.jwksURI ?? '';
    const { certificatePem: caPem } = await createCertificateAuthority();
    const outcome = await fetchDocument({ url, outbound: allowLoopback(url), maxBytes: 1 << 16, caPem });
    expect(outcome).toEqual(tlsFailure);
  });
});

describe('a server', () => {
  it.each([
    ['speaks first, and not TLS', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['speaks plain HTTP', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'],
  ])('that %s is a TLSFailure', async (_, text) => {
    await using canary = await startCanary((socket) => socket.end(text));
    const url = `https://localhost:${canary.port}/`;
    expect(await fetchDocument({ url, outbound: allowLoopback(url), maxBytes: 1 })).toEqual(tlsFailure);
    expect(canary.connections()).toBe(1);
  });

  it('that cuts the handshake is a TLSFailure', async () => {
    await using canary = await startCanary((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const url = `https://localhost:${canary.port}/`;
    expect(await fetchDocument({ url, outbound: allowLoopback(url), maxBytes: 1 })).toEqual(tlsFailure);
  });

  it('that keeps silent in the handshake is a Timeout, and the connection ends', async () => {
    let isOpen = false;
    await using canary = await startCanary((socket) => {
      isOpen = true;
      socket.resume().once('close', () => {
        isOpen = false;
      });
    });
    const clock = createFakeClock();
    const url = `https://localhost:${canary.port}/`;
    const fetchHeld = createDocumentFetcher({ clock, resolve: resolveTo(['127.0.0.1']) });
    const outcome = fetchHeld({ url, outbound: allowLoopback(url), maxBytes: 1 });
    await until(() => isOpen && clock.pending().length === 1);
    clock.advance(5_000);
    expect(await outcome).toEqual({ ok: false, failure: 'Timeout', answered: false });
    await until(() => !isOpen);
  });

  it('that offers only TLS 1.1 is refused', async () => {
    const { keyPem: key, certificatePem: cert } = await ca.issue({ hosts: ['localhost'] });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = createServer({ key, cert, ...old }).on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { readonly port: number };
    const url = `https://localhost:${port}/`;
    const outcome = await fetchDocument({
      url,
      outbound: allowLoopback(url),
      maxBytes: 1,
      caPem: ca.certificatePem,
    });
    server.close();
    expect(outcome).toEqual(tlsFailure);
  });
});
