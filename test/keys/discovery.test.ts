import { describe, expect, it } from 'vitest';
import {
  type DiscoveryOutcome,
  discover,
  discoveryLocations,
  judgeMetadata,
} from '../../operator/keys/discovery.ts';
import type { DocumentOutcome } from '../../operator/keys/outbound.ts';

const ISSUER = 'https://idp.example.com/realms/a';
const KEYS = 'https://idp.example.com/realms/a/jwks';
const good = { issuer: ISSUER, jwks_uri: KEYS };

function judge(metadata: unknown): DiscoveryOutcome {
  const text = typeof metadata === 'string' ? metadata : JSON.stringify(metadata);
  return judgeMetadata(new TextEncoder().encode(text), ISSUER);
}

describe('discoveryLocations', () => {
  it.each(['https://idp.example.com', 'https://idp.example.com/'])(
    'of %s, which has no path, are two',
    (issuer) => {
      expect(discoveryLocations(issuer)).toEqual([
        'https://idp.example.com/.well-known/oauth-authorization-server',
        'https://idp.example.com/.well-known/openid-configuration',
      ]);
    },
  );

  it.each(['https://idp.example.com:8443/realms/a', 'https://idp.example.com:8443/realms/a/'])(
    'of %s, which has a path, are three',
    (issuer) => {
      expect(discoveryLocations(issuer)).toEqual([
        'https://idp.example.com:8443/.well-known/oauth-authorization-server/realms/a',
        'https://idp.example.com:8443/.well-known/openid-configuration/realms/a',
        'https://idp.example.com:8443/realms/a/.well-known/openid-configuration',
      ]);
    },
  );

  it('are the one that the policy names', () => {
    expect(discoveryLocations(ISSUER, 'https://inside.example/doc')).toEqual(['https://inside.example/doc']);
  });
});

describe('judgeMetadata', () => {
  it('finds the keys', () => {
    expect(judge({ ...good, token_endpoint: 'http://x' })).toEqual({ ok: true, jwksURI: KEYS });
  });

  it('lets the keys be elsewhere, with port and query', () => {
    const elsewhere = 'https://keys.example.net:8443/v3/certs?p=b2c_1';
    expect(judge({ ...good, jwks_uri: elsewhere })).toEqual({ ok: true, jwksURI: elsewhere });
  });

  it.each([
    `${ISSUER}/`,
    'https://idp.example.com/realms/A',
    'https://IDP.example.com/realms/a',
    'https://idp.example.com:443/realms/a',
    'http://idp.example.com/realms/a',
    ` ${ISSUER}`,
    'https://idp.example.com/realms/%61',
    '',
  ])('compares the issuer byte for byte: %j', (issuer) => {
    expect(judge({ ...good, issuer })).toEqual({ ok: false, failure: 'IssuerMismatch' });
  });

  it.each([
    'http://idp.example.com/jwks',
    'https://user@idp.example.com/jwks',
    'https://user:secret@idp.example.com/jwks',
    'https://idp.example.com/jwks#k',
    'https://IDP.example.com/jwks',
    'https://idp.example.com/a/../jwks',
    'https://2130706433/jwks',
    'https:\\\\idp.example.com/jwks',
    'file:///etc/passwd',
    'data:application/json,{}',
    '/jwks',
    '',
    null,
    7,
    [KEYS],
    { toString: KEYS },
  ])('refuses the jwks_uri %j', (uri) => {
    expect(judge({ ...good, jwks_uri: uri })).toEqual({ ok: false, failure: 'InvalidDocument' });
  });

  it.each([
    '',
    '<!doctype html><title>Sign in</title>',
    'null',
    '[]',
    '"x"',
    '7',
    '{}',
    `{"issuer":"${ISSUER}"}`,
    `{"jwks_uri":"${KEYS}"}`,
    `{"issuer":["${ISSUER}"],"jwks_uri":"${KEYS}"}`,
    JSON.stringify([good]),
    JSON.stringify(good).slice(0, -1),
    `\ufeff${JSON.stringify(good)}`,
    `{"issuer":"${ISSUER}","jwks_uri":"https://evil.example","jwks_uri":"${KEYS}"}`,
    `{"issuer":"https://evil.example","issuer":"${ISSUER}","jwks_uri":"${KEYS}"}`,
    `{"issuer":"https://evil.example","\\u0069ssuer":"${ISSUER}","jwks_uri":"${KEYS}"}`,
    `{"__proto__":${JSON.stringify(good)}}`,
  ])('refuses the document %j', (text) => {
    expect(judge(text)).toEqual({ ok: false, failure: 'InvalidDocument' });
  });
});

describe('discover', () => {
  const document = (value: unknown): DocumentOutcome => ({
    ok: true,
    body: Buffer.from(JSON.stringify(value)),
  });
  const answered = (failure: 'HTTPError' | 'TooLarge' | 'InvalidDocument'): DocumentOutcome => ({
    ok: false,
    failure,
    answered: true,
  });
  const page: DocumentOutcome = { ok: true, body: Buffer.from('<html>') };
  const foreign = document({ ...good, issuer: 'https://other.example' });

  async function walk(...outcomes: DocumentOutcome[]): Promise<{ found: DiscoveryOutcome; asked: number }> {
    let asked = 0;
    const locations = outcomes.map((_, index) => `https://idp.example.com/${index}`);
    const found = await discover(ISSUER, locations, async (url) => {
      asked += 1;
      return outcomes[Number(url.at(-1))] ?? page;
    });
    return { found, asked };
  }

  it('takes the first good document and asks no further', async () => {
    expect(await walk(document(good), page)).toEqual({ found: { ok: true, jwksURI: KEYS }, asked: 1 });
  });

  it.each([
    ['an error', answered('HTTPError')],
    ['a page', page],
    ['a document that is too large', answered('TooLarge')],
    ['an encoded document', answered('InvalidDocument')],
    ["another issuer's document", foreign],
  ])('goes on after %s', async (_, outcome) => {
    expect(await walk(outcome, document(good))).toEqual({ found: { ok: true, jwksURI: KEYS }, asked: 2 });
  });

  it.each(['DNSFailure', 'TLSFailure', 'Timeout', 'HTTPError', 'AddressNotAllowed'] as const)(
    'stops when the server is not reached: %s',
    async (failure) => {
      const outcome: DocumentOutcome = { ok: false, failure, answered: false };
      expect(await walk(answered('HTTPError'), outcome, document(good))).toEqual({
        found: { ok: false, failure },
        asked: 2,
      });
    },
  );

  it.each([
    ['IssuerMismatch', [foreign, page, answered('TooLarge'), answered('HTTPError')]],
    ['InvalidDocument', [answered('TooLarge'), page, answered('HTTPError')]],
    ['TooLarge', [answered('HTTPError'), answered('TooLarge'), answered('HTTPError')]],
    ['HTTPError', [answered('HTTPError'), answered('HTTPError')]],
  ] as const)('reports the most telling failure: %s', async (failure, outcomes) => {
    expect((await walk(...outcomes)).found).toEqual({ ok: false, failure });
    expect((await walk(...[...outcomes].reverse())).found).toEqual({ ok: false, failure });
  });
});
