import type { Mode } from '../../operator/api/mcp-auth-policy.gen.ts';
import type { TokenRules } from '../../operator/policy/verifier-config.ts';
import type { DenialReason } from '../../operator/verify/denial.ts';
import {
  forgeUnsigned,
  forgeWithPublicKey,
  noneSpellings,
  publicKeyForms,
  type Signer,
} from '../fixtures/token-forge.ts';
import {
  changeUnusedTailBits,
  flipSignatureBit,
  insertWhitespace,
  padPart,
  zeroSignature,
} from '../fixtures/token-tampering.ts';

export const nowSeconds = 1_800_000_000;
export const issuer = 'https://idp.example.com/realms/a';
export const audience = 'https://mcp.example.com/team-a/x/mcp';

export const baseRules: TokenRules = {
  issuer,
  audiences: [audience, 'app-id'],
  algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA', 'Ed25519'],
  clockSkewSeconds: 60,
  tokenType: 'AccessToken',
  requiredScopes: [],
  requiredClaims: [],
  maxTokenBytes: 8192,
};

export const goodClaims = {
  iss: issuer,
  aud: audience,
  sub: 'alice',
  client_id: 'cli',
  iat: nowSeconds - 10,
  exp: nowSeconds + 300,
};

/** The keys at the issuer, and one that is not. */
export interface Signers {
  readonly rsa: Signer;
  readonly ec: Signer;
  readonly ed: Signer;
  /** Has the kid of `ec`, but another key. */
  readonly forger: Signer;
  readonly stranger: Signer;
}

export interface TokenCase {
  readonly name: string;
  readonly make: (signers: Signers) => string;
  readonly expected: Expected;
  /** In mode TokenReview, where it is another: who vouches for the token there is the API server. */
  readonly reviewed?: Expected;
  readonly config?: Partial<TokenRules>;
}

export type Expected = 'admitted' | DenialReason;

/** What a case comes to in a mode: keys and signatures are the API server's matter in mode TokenReview. */
export function expectedIn(mode: Mode, { expected, reviewed }: TokenCase): Expected {
  if (mode !== 'TokenReview') return expected;
  const isAboutKeys = expected === 'key_not_found' || expected === 'signature_invalid';
  return reviewed ?? (isAboutKeys ? 'token_inactive' : expected);
}

const json = JSON.stringify(goodClaims);

/** The order of P-256, big-endian. */
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const [zero, one] = [Buffer.alloc(32), Buffer.concat([Buffer.alloc(31), Buffer.from([1])])];

/** Signatures that a careless ECDSA takes for any message (CVE-2022-21449), or that have another form. */
const ecdsaEdgeSignatures = [
  { name: 'r = 0', bytes: Buffer.concat([zero, one]) },
  { name: 's = 0', bytes: Buffer.concat([one, zero]) },
  { name: 'r = n', bytes: Buffer.concat([order, one]) },
  { name: 's = n', bytes: Buffer.concat([one, order]) },
  { name: 'DER', bytes: Buffer.from('3006020101020101', 'hex') },
  { name: 'short', bytes: Buffer.alloc(63, 1) },
  { name: 'long', bytes: Buffer.alloc(65, 1) },
];

function claims(
  name: string,
  change: object,
  expected: TokenCase['expected'],
  config?: TokenCase['config'],
): TokenCase {
  return {
    name,
    make: ({ ec }) => ec.sign({}, { ...goodClaims, ...change }),
    expected,
    ...(config === undefined ? {} : { config }),
  };
}

function payload(name: string, text: string | Uint8Array, expected: TokenCase['expected']): TokenCase {
  return { name, make: ({ ec }) => ec.sign({}, text), expected };
}

function header(
  name: string,
  change: object,
  expected: TokenCase['expected'],
  config?: TokenCase['config'],
): TokenCase {
  return {
    name,
    make: ({ ec }) => ec.sign(change as Record<string, unknown>, goodClaims),
    expected,
    ...(config === undefined ? {} : { config }),
  };
}

function tampered(
  name: string,
  change: (token: string) => string,
  expected: TokenCase['expected'],
): TokenCase {
  return { name, make: ({ ec }) => change(ec.sign({}, goodClaims)), expected };
}

/** `json` with one member replaced by text that JSON.stringify would not write. */
function withRaw(member: string, text: string): string {
  const rest = Object.fromEntries(Object.entries(goodClaims).filter(([name]) => name !== member));
  return `{${JSON.stringify(rest).slice(1, -1)},"${member}":${text}}`;
}

/** Ids such as H2 and C9 are those of the project's threat table: token (T), header (H) and claim (C) rows. */
export const tokenCases: readonly TokenCase[] = [
  { name: 'good: ES256', make: ({ ec }) => ec.sign({}, goodClaims), expected: 'admitted' },
  { name: 'good: RS256', make: ({ rsa }) => rsa.sign({}, goodClaims), expected: 'admitted' },
  { name: 'good: EdDSA', make: ({ ed }) => ed.sign({}, goodClaims), expected: 'admitted' },
  claims('good: aud is an array with ours', { aud: ['account', audience] }, 'admitted'),
  claims('good: additional audience', { aud: 'app-id' }, 'admitted'),
  claims('good: expired within the skew', { exp: nowSeconds - 59 }, 'admitted'),
  claims('good: not yet valid within the skew', { nbf: nowSeconds + 59, iat: nowSeconds + 59 }, 'admitted'),
  claims('good: azp and no client id', { client_id: undefined, azp: 'x' }, 'admitted'),
  header('good: typ at+jwt', { typ: 'at+jwt' }, 'admitted'),
  header('good: typ in other case and long form', { typ: 'Application/AT+JWT' }, 'admitted'),
  header('good: typ JWT', { typ: 'JWT' }, 'admitted'),
  header('good: no kid, and one key fits', { kid: undefined }, 'admitted'),

  ...['', 'x', 'a.b', 'a.b.c.d', 'a.b.c.d.e', '...', '.'.repeat(5000), '{"payload":"x"}'].map(
    (text): TokenCase => ({
      name: `T9 T10 not three parts: ${text.slice(0, 12)}`,
      make: () => text,
      expected: 'token_malformed',
      reviewed: 'token_inactive',
    }),
  ),
  ...[1, 2, 4, 5, 6, 100_000].map(
    (parts): TokenCase => ({
      name: `T9 H15 a header and ${parts} parts`,
      make: ({ ec }) => {
        const [head = '', ...rest] = ec.sign({}, goodClaims).split('.');
        return [head, ...Array.from({ length: parts - 1 }, (_, index) => rest[index] ?? 'AA')].join('.');
      },
      expected: 'token_malformed',
    }),
  ),
  {
    name: 'T8 too large',
    make: ({ ec }) => ec.sign({}, { ...goodClaims, pad: 'x'.repeat(9000) }),
    expected: 'token_malformed',
  },
  tampered('T7 white space inside', (token) => insertWhitespace(token), 'token_malformed'),
  tampered('T7 padding', (token) => padPart(token), 'token_malformed'),
  tampered('T7 trailing newline', (token) => `${token}\n`, 'token_malformed'),
  tampered('T7 plus and slash of plain base64', (token) => `${token.slice(0, -1)}+`, 'token_malformed'),
  {
    name: 'T7 unused bits of the signature changed',
    make: ({ ec }) => changeUnusedTailBits(ec.sign({}, goodClaims)),
    expected: 'token_malformed',
  },

  ...noneSpellings.map(
    (alg): TokenCase => ({
      name: `H2 alg ${JSON.stringify(alg)}`,
      make: () => `${forgeUnsigned(goodClaims, alg)}AA`,
      expected: 'alg_not_allowed',
    }),
  ),
  {
    name: 'H2 alg none, empty signature',
    make: () => forgeUnsigned(goodClaims),
    expected: 'token_malformed',
  },
  header('H2 alg missing', { alg: undefined }, 'alg_not_allowed'),
  header('H2 alg an array', { alg: ['ES256'] }, 'alg_not_allowed'),
  header('H2 alg a number', { alg: 256 }, 'alg_not_allowed'),
  header('H2 alg in lower case', { alg: 'es256' }, 'alg_not_allowed'),
  ...publicKeyForms.map(
    (form): TokenCase => ({
      name: `H3 HS256 with the public key as ${form}`,
      make: ({ rsa }) => forgeWithPublicKey(rsa, form, goodClaims),
      expected: 'alg_not_allowed',
    }),
  ),
  {
    name: 'H1 not in the policy',
    make: ({ ec }) => ec.sign({}, goodClaims),
    expected: 'alg_not_allowed',
    config: { algorithms: ['RS256'] },
  },
  {
    name: 'H4 alg of another key type',
    make: ({ rsa }) => rsa.sign({ alg: 'ES256' }, goodClaims),
    expected: 'key_not_found',
  },
  {
    name: 'H5 PS256 under an RS256 key',
    make: ({ rsa }) => rsa.sign({ alg: 'PS256' }, goodClaims),
    expected: 'key_not_found',
  },
  ...['jku', 'jwk', 'x5u', 'x5c', 'zip', 'enc', 'cty'].map((member) =>
    header(`H6 H15 H16 ${member}`, { [member]: 'https://evil.example.com' }, 'token_malformed'),
  ),
  header('H7 crit unknown', { crit: ['exp'], exp: 1 }, 'token_malformed'),
  header('H7 crit empty', { crit: [] }, 'token_malformed'),
  header('H7 b64', { b64: false }, 'token_malformed'),
  ...[
    'logout+jwt',
    'dpop+jwt',
    'secevent+jwt',
    'token-introspection+jwt',
    'oauth-id-jag+jwt',
    'something',
    '',
    7,
    null,
  ].map((typ) => header(`H8 typ ${JSON.stringify(typ)}`, { typ }, 'type_not_allowed')),
  header('H8 any type is enough', { typ: 'something' }, 'admitted', { tokenType: 'Any' }),
  header('H8 nor what we sign for upstreams', { typ: 'mcp-assertion+jwt' }, 'type_not_allowed'),
  header('H8 in any spelling', { typ: 'Application/MCP-Assertion+JWT' }, 'type_not_allowed', {
    tokenType: 'Any',
  }),
  header('H8 but not a logout token', { typ: 'logout+jwt' }, 'type_not_allowed', { tokenType: 'Any' }),
  ...['../../dev/null', "' OR 1=1 --", '__proto__', 'constructor', 'a\u0000b', ''].map((kid) =>
    header(`H9 kid ${JSON.stringify(kid)}`, { kid }, 'key_not_found'),
  ),
  ...[1, null, {}, 'x'.repeat(257)].map((kid) =>
    header(`H9 kid ${JSON.stringify(kid).slice(0, 10)}`, { kid }, 'token_malformed'),
  ),
  {
    name: 'another key under a known kid',
    make: ({ forger }) => forger.sign({}, goodClaims),
    expected: 'signature_invalid',
  },
  {
    name: 'an unknown key',
    make: ({ stranger }) => stranger.sign({}, goodClaims),
    expected: 'key_not_found',
  },
  tampered('signature bit flipped', (token) => flipSignatureBit(token, 9), 'signature_invalid'),
  tampered('H14 signature of zeros', zeroSignature, 'signature_invalid'),
  ...ecdsaEdgeSignatures.map(({ name, bytes }) =>
    tampered(
      `H14 ${name}`,
      (token) => `${token.slice(0, token.lastIndexOf('.'))}.${bytes.toString('base64url')}`,
      'signature_invalid',
    ),
  ),
  {
    name: 'H16 a token in a token',
    make: ({ ec }) => ec.sign({}, JSON.stringify(ec.sign({}, goodClaims))),
    expected: 'token_malformed',
  },
  header('H6 x5t points nowhere that is looked at', { x5t: 'AAAA', 'x5t#S256': 'AAAA' }, 'admitted'),
  header('H15 p2c', { alg: 'PBES2-HS256+A128KW', p2c: 2_000_000_000, p2s: 'AAAA' }, 'alg_not_allowed'),
  header('H15 direct encryption', { alg: 'dir', enc: 'A128GCM' }, 'alg_not_allowed'),
  header('H7 crit not a list', { crit: 'exp' }, 'token_malformed'),
  header('H7 crit twice the same', { crit: ['exp', 'exp'], exp: 1 }, 'token_malformed'),
  header('H7 crit of a standard member', { crit: ['alg'] }, 'token_malformed'),

  ...[
    `${issuer}/`,
    issuer.toUpperCase(),
    'https://idp.example.com',
    `${issuer}x`,
    'https://evil.example.com',
    [issuer],
    undefined,
    null,
    7,
    '',
  ].map((iss) => claims(`C1 iss ${JSON.stringify(iss)}`, { iss }, 'issuer_mismatch')),
  ...[
    undefined,
    null,
    '',
    '*',
    'https://mcp.example.com',
    `${audience}/`,
    [],
    ['other'],
    [audience, 7],
    [[audience]],
    { 0: audience },
    7,
  ].map((aud) => claims(`C2 aud ${JSON.stringify(aud)}`, { aud }, 'audience_mismatch')),
  claims(
    'C2 more audiences than anybody needs',
    { aud: [...Array(64).fill('x'), audience] },
    'audience_mismatch',
  ),
  claims('C3 expired', { exp: nowSeconds - 61 }, 'token_expired'),
  claims('C3 expired to the second', { exp: nowSeconds - 60 }, 'token_expired'),
  ...[undefined, null, '9999999999', true, -1, 2 ** 53, {}].map((exp) =>
    claims(`C3 exp ${JSON.stringify(exp)}`, { exp }, 'claim_invalid'),
  ),
  payload('C3 exp 1e400', withRaw('exp', '1e400'), 'token_malformed'),
  payload('C3 exp NaN', withRaw('exp', 'NaN'), 'token_malformed'),
  {
    ...claims('C6 a greater skew is the policy’s to allow', { exp: nowSeconds - 299 }, 'admitted', {
      clockSkewSeconds: 300,
    }),
    // The API server has a skew of its own, of a minute.
    reviewed: 'token_inactive',
  },
  claims('C4 issued in the future', { iat: nowSeconds + 61 }, 'token_not_yet_valid'),
  claims('C5 not yet valid', { nbf: nowSeconds + 61 }, 'token_not_yet_valid'),
  claims('C5 nbf a string', { nbf: '0' }, 'claim_invalid'),
  claims('C5 iat a string', { iat: '0' }, 'claim_invalid'),
  ...[undefined, null, 7, '', 'x'.repeat(256), 'a\r\nb', 'a\u0000'].map((sub) =>
    claims(`C7 sub ${JSON.stringify(sub)?.slice(0, 12)}`, { sub }, 'claim_invalid'),
  ),
  claims('C8 scope an array', { scope: ['mcp:read'] }, 'claim_invalid'),
  claims('C8 scope missing', {}, 'scope_insufficient', { requiredScopes: ['mcp:read'] }),
  claims('C8 scope is compared whole', { scope: 'mcp:readwrite xmcp:read' }, 'scope_insufficient', {
    requiredScopes: ['mcp:read'],
  }),
  claims('C8 scope of several', { scope: 'a mcp:read b' }, 'admitted', { requiredScopes: ['mcp:read', 'a'] }),
  claims('expired and without the scope is expired', { exp: 1 }, 'token_expired', {
    requiredScopes: ['mcp:read'],
  }),
  payload('C9 member twice', `${json.slice(0, -1)},"aud":"${audience}"}`, 'token_malformed'),
  payload(
    'C9 member twice, spelled differently',
    `${json.slice(0, -1)},"\\u0061ud":"${audience}"}`,
    'token_malformed',
  ),
  {
    name: 'C9 header member twice',
    make: ({ ec }) => ec.sign(`{"alg":"ES256","alg":"ES256","kid":"${ec.kid}"}`, goodClaims),
    expected: 'token_malformed',
  },
  payload(
    'C10 __proto__ is a claim like any other',
    `${json.slice(0, -1)},"__proto__":{"sub":"root"}}`,
    'admitted',
  ),
  payload('C10 claims from a prototype', `{"__proto__":${json}}`, 'issuer_mismatch'),
  claims('C10 required claim toString', {}, 'claim_mismatch', {
    requiredClaims: [{ claim: 'toString', values: ['x'] }],
  }),
  payload('C11 too deep', `${json.slice(0, -1)},"x":${'['.repeat(40)}${']'.repeat(40)}}`, 'token_malformed'),
  payload(
    'C11 too many members',
    `{${Array.from({ length: 300 }, (_, i) => `"m${i}":1`).join()}}`,
    'token_malformed',
  ),
  payload('C12 byte order mark', `\ufeff${json}`, 'token_malformed'),
  payload(
    'C12 invalid UTF-8',
    Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    'token_malformed',
  ),
  {
    name: 'C12 lone surrogate in the header',
    make: ({ ec }) => ec.sign(`{"alg":"ES256","kid":"\\ud800"}`, goodClaims),
    expected: 'token_malformed',
  },
  payload('payload an array', '[]', 'token_malformed'),
  payload('payload a string', '"x"', 'token_malformed'),
  payload('payload cut off', json.slice(0, -1), 'token_malformed'),
  claims('C13 bound to a key', { cnf: { jkt: 'x' } }, 'token_bound'),
  claims(
    'C14 distributed claims are not fetched',
    { _claim_names: { groups: 's' }, _claim_sources: { s: { endpoint: 'https://evil.example.com' } } },
    'admitted',
  ),
  claims('an ID token', { at_hash: 'x' }, 'type_not_allowed'),
  claims('an ID token where any type is enough', { at_hash: 'x' }, 'admitted', { tokenType: 'Any' }),
  claims('a refresh token of Keycloak', { typ: 'Refresh' }, 'type_not_allowed'),
  claims('an access token of Keycloak', { typ: 'Bearer', aud: ['account', audience] }, 'admitted'),
  claims('required claim held', { groups: ['x', 'mcp-users'] }, 'admitted', {
    requiredClaims: [{ claim: 'groups', values: ['mcp-users'] }],
  }),
  claims('required claim not held', { groups: 'mcp-users-2' }, 'claim_mismatch', {
    requiredClaims: [{ claim: 'groups', values: ['mcp-users'] }],
  }),
  claims('required claim of another type', { groups: { 'mcp-users': true } }, 'claim_mismatch', {
    requiredClaims: [{ claim: 'groups', values: ['mcp-users'] }],
  }),
];
