import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readKeySet, selectKeys } from '../../operator/keys/key-set.ts';
import type { VerificationKey } from '../../operator/keys/key-source.ts';

type Jwk = JsonWebKey & Record<string, unknown>;

function generateRsa(modulusLength: number, publicExponent = 65_537): Jwk {
  return generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' });
}

function generateEc(namedCurve: string): Jwk {
  return generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' });
}

function generateEdwards(type: 'ed25519' | 'ed448' | 'x25519'): Jwk {
  // One overload for each type, none for their union.
  return generateKeyPairSync(type as 'ed25519').publicKey.export({ format: 'jwk' });
}

const rsa = generateRsa(2048);
const ec = generateEc('P-256');
const ed = generateEdwards('ed25519');
const rsaPrivate = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const ecPrivate = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const sibling = { ...generateEc('P-256'), kid: 'sibling' };

function read(...entries: readonly unknown[]): readonly VerificationKey[] {
  const outcome = readKeySet(Buffer.from(JSON.stringify({ keys: entries })));
  if (!outcome.ok) throw new Error(outcome.failure);
  return outcome.keys;
}

const kidsOf = (keys: readonly VerificationKey[]): readonly unknown[] => keys.map(({ kid }) => kid);

/** An RSA key whose modulus or exponent is what we like; nobody needs its private half. */
function craftRsa(modulus: bigint, exponent = 65_537n): Jwk {
  const encode = (value: bigint): string => {
    const hex = value.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
  };
  return { kty: 'RSA', n: encode(modulus), e: encode(exponent) };
}

const modulusOf = ({ n = '' }: Jwk): bigint => BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);

/** The next number that is no multiple of a small prime. */
function withoutSmallFactors(from: bigint): bigint {
  let candidate = from + 1n;
  while (smallPrimes.some((prime) => candidate % prime === 0n)) candidate += 1n;
  return candidate;
}

const smallPrimes = Array.from({ length: 166 }, (_, index) => index + 2)
  .filter((n) => {
    for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
    return true;
  })
  .map(BigInt);

/** A number like those of the flawed library: modulo every small prime a power of 65537. */
function craftRocaModulus(): bigint {
  const product = smallPrimes.reduce((all, prime) => all * prime, 1n);
  return product * (2n ** 2047n / product + 1n) + 65_537n ** 3n;
}

describe('readKeySet', () => {
  it.each<[string, Jwk, string[]]>([
    ['RSA', rsa, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    ['P-256', ec, ['ES256']],
    ['P-384', generateEc('P-384'), ['ES384']],
    ['P-521', generateEc('P-521'), ['ES512']],
    ['Ed25519', ed, ['EdDSA', 'Ed25519']],
  ])('takes %s keys, for their algorithms only', (_, jwk, expected) => {
    const keys = read({ ...jwk, kid: 'a' });
    expect(keys).toHaveLength(1);
    expect(keys[0]?.key.export({ format: 'jwk' })).toEqual(jwk);
    const algorithms = ['RS', 'PS', 'ES', 'HS'].flatMap((name) =>
      [256, 384, 512].map((size) => `${name}${size}`),
    );
    const others = [
      'EdDSA',
      'Ed25519',
      'Ed448',
      'ES256K',
      'none',
      '',
      'toString',
      '__proto__',
      'RSA',
      'RS2560',
    ];
    expect(
      [...algorithms, ...others].filter((alg) => selectKeys(keys, { kid: 'a', alg }).length > 0),
    ).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 7],
    ['a string', 'key'],
    ['a list', [rsa]],
    ['nothing', {}],
    ['an unknown kty', { ...rsa, kty: 'LWE' }],
    ['a missing kty', { ...rsa, kty: undefined }],
    ['a kty that is no string', { ...rsa, kty: ['RSA'] }],
    ['a kty with another case', { ...rsa, kty: 'rsa' }],
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a symmetric key in disguise', { ...rsa, k: 'c2VjcmV0' }],
    ['a private RSA key', rsaPrivate],
    ['half a private RSA key', { ...rsa, p: rsaPrivate.p }],
    ['a private EC key', ecPrivate],
    ['a key for encryption', { ...rsa, use: 'enc' }],
    ['a key for nothing', { ...rsa, use: '' }],
    ['a use that is no string', { ...rsa, use: ['sig'] }],
    ['other operations', { ...rsa, key_ops: ['encrypt', 'wrapKey'] }],
    ['no operations', { ...rsa, key_ops: [] }],
    ['operations that are no list', { ...rsa, key_ops: 'verify' }],
    ['an alg of another kind', { ...rsa, alg: 'ES256' }],
    ['an alg of another curve', { ...ec, alg: 'ES384' }],
    ['an alg for encryption', { ...rsa, alg: 'RSA-OAEP' }],
    ['a symmetric alg', { ...rsa, alg: 'HS256' }],
    ['the alg none', { ...rsa, alg: 'none' }],
    ['an alg that is no string', { ...rsa, alg: ['RS256'] }],
    ['a kid that is a number', { ...rsa, kid: 7 }],
    ['a kid that is null', { ...rsa, kid: null }],
    ['a kid that is too long', { ...rsa, kid: 'k'.repeat(257) }],
    ['a short RSA key', generateRsa(1024)],
    ['an RSA key just too short', craftRsa(2n ** 2046n + 1n)],
    ['a huge RSA key', craftRsa(2n ** 8192n + 1n)],
    ['an exponent of 1', craftRsa(modulusOf(rsa), 1n)],
    ['an exponent of 3', craftRsa(modulusOf(rsa), 3n)],
    ['an even exponent', craftRsa(modulusOf(rsa), 65_538n)],
    ['a costly exponent', craftRsa(modulusOf(rsa), 2n ** 64n + 1n)],
    ['a modulus that can be factored', craftRsa(craftRocaModulus())],
    ['an even modulus', craftRsa(modulusOf(rsa) + 1n)],
    ['a modulus with a small factor', craftRsa(withoutSmallFactors(2n ** 2040n) * 3n * 5n)],
    ['no modulus', { ...rsa, n: undefined }],
    ['an empty modulus', { ...rsa, n: '' }],
    ['a modulus that is no text', { ...rsa, n: {} }],
    ['a modulus in a list', { ...rsa, n: [rsa.n] }],
    ['a padded modulus', { ...rsa, n: `${rsa.n}==` }],
    ['a modulus in base64', { ...rsa, n: `+/${rsa.n}` }],
    ['a point off the curve', { ...ec, y: ec.x }],
    ['a point without y', { ...ec, y: undefined }],
    ['a point on another curve', { ...ec, crv: 'P-384' }],
    ['an unknown curve', { ...ec, crv: 'P-257' }],
    ['secp256k1', generateEc('secp256k1')],
    ['a curve of another kty', { ...ec, crv: 'Ed25519' }],
    ['a curve that is no string', { ...ec, crv: ['P-256'] }],
    ['a short Ed25519 key', { ...ed, x: 'AAAA' }],
    ['Ed448', generateEdwards('ed448')],
    ['X25519', generateEdwards('x25519')],
    ['an Ed25519 key as P-256', { ...ed, crv: 'P-256' }],
  ])('leaves out %s and keeps its siblings', (_, entry) => {
    const named =
      typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? { kid: 'odd', ...entry } : entry;
    expect(kidsOf(read(named, sibling))).toEqual(['sibling']);
    expect(kidsOf(read(sibling, named))).toEqual(['sibling']);
  });

  it.each<[string, Jwk]>([
    ['2048 bits', rsa],
    ['8192 bits', craftRsa(withoutSmallFactors(2n ** 8191n))],
    ['an exponent of 65539', craftRsa(modulusOf(rsa), 65_539n)],
    ['use and operations', { ...rsa, use: 'sig', key_ops: ['sign', 'verify'] }],
    ['an alg', { ...rsa, alg: 'PS512' }],
    ['a kid of 256 characters', { ...rsa, kid: 'k'.repeat(256) }],
    ['members that mean nothing to us', { ...rsa, x5c: ['MIIB'], nbf: 1, __proto__: { d: 'x' } }],
  ])('takes a key with %s', (_, jwk) => {
    expect(read(jwk)).toHaveLength(1);
  });

  it('uses neither of two keys with one kid, nor drops others', () => {
    const other = { ...generateEc('P-256'), kid: 'a' };
    expect(kidsOf(read({ ...ec, kid: 'a' }, sibling, other))).toEqual(['sibling']);
    expect(kidsOf(read({ ...ec, kid: 'a' }, sibling, { ...ec, kid: 'a' }))).toEqual(['sibling']);
    expect(kidsOf(read({ ...ec, kid: 'a' }, { ...rsa, kid: 'a', use: 'enc' }))).toEqual(['a']);
    expect(kidsOf(read(rsa, ec))).toEqual([undefined, undefined]);
  });

  it.each(['', 'null', '[]', '{}', '{"keys":{}}', '{"keys":null}', '{"keys":"x"}', '"keys"', '{"keys":[]'])(
    'takes %j for no key set',
    (text) => {
      expect(readKeySet(Buffer.from(text))).toEqual({ ok: false, failure: 'InvalidDocument' });
    },
  );

  it('refuses a document that can be read in two ways', () => {
    const text = JSON.stringify({ keys: [{ ...ec, kid: 'a' }] });
    expect(readKeySet(Buffer.from(`\ufeff${text}`))).toMatchObject({ failure: 'InvalidDocument' });
    expect(readKeySet(Buffer.from(text.replace('{', '{"keys":[],')))).toMatchObject({
      failure: 'InvalidDocument',
    });
    expect(readKeySet(Buffer.from(text.replace('"kid"', '"kid":"b","kid"')))).toMatchObject({ ok: false });
  });

  it('takes 100 entries and no more', () => {
    const entries = Array.from({ length: 100 }, () => null);
    expect(kidsOf(read(...entries.slice(1), sibling))).toEqual(['sibling']);
    const outcome = readKeySet(Buffer.from(JSON.stringify({ keys: [...entries, sibling] })));
    expect(outcome).toEqual({ ok: false, failure: 'TooLarge' });
  });

  it('has a digest of the usable keys, whatever their order', () => {
    const digestOf = (...entries: readonly unknown[]): string => {
      const outcome = readKeySet(Buffer.from(JSON.stringify({ keys: entries })));
      return outcome.ok ? outcome.digest : '';
    };
    const a = { ...ec, kid: 'a' };
    expect(digestOf(a, sibling)).toBe(digestOf(sibling, null, a));
    expect(digestOf(a, sibling)).toMatch(/^[0-9a-f]{16}$/);
    const sets = [[a, sibling], [a], [], [{ ...a, kid: 'b' }, sibling], [{ ...a, alg: 'ES256' }, sibling]];
    expect(new Set(sets.map((entries) => digestOf(...entries))).size).toBe(sets.length);
  });
});

describe('selectKeys', () => {
  const keys = read(
    { ...ec, kid: 'a' },
    { ...rsa, kid: 'b' },
    { ...ed, kid: 'c', alg: 'EdDSA' },
    { ...generateRsa(2048), alg: 'PS256' },
  );

  it.each<[string, { kid?: string; alg: string }, unknown[]]>([
    ['by kid and alg', { kid: 'a', alg: 'ES256' }, ['a']],
    ['with the name Ed25519 for EdDSA', { kid: 'c', alg: 'Ed25519' }, ['c']],
    ['without kid, when one fits', { alg: 'ES256' }, ['a']],
    ['without kid, by the alg of the keys', { alg: 'RS256' }, ['b']],
  ])('finds a key %s', (_, wanted, expected) => {
    expect(kidsOf(selectKeys(keys, wanted))).toEqual(expected);
  });

  it.each<[string, { kid?: string; alg: string }]>([
    ['another kid', { kid: 'A', alg: 'ES256' }],
    ['an empty kid', { kid: '', alg: 'ES256' }],
    ['an odd kid', { kid: '__proto__', alg: 'ES256' }],
    ['an alg that does not fit the key', { kid: 'a', alg: 'RS256' }],
    ["an alg that is not the key's own", { kid: 'b', alg: 'ES256' }],
    ['no kid, when two fit', { alg: 'PS256' }],
    ['no kid, when none fits', { alg: 'ES384' }],
    ['a symmetric alg', { kid: 'b', alg: 'HS256' }],
    ['no alg', { kid: 'b', alg: 'none' }],
  ])('finds none for %s', (_, wanted) => {
    expect(selectKeys(keys, wanted)).toEqual([]);
  });

  it('finds none among keys without kid for a token that has one', () => {
    expect(selectKeys(read(ec), { kid: 'a', alg: 'ES256' })).toEqual([]);
  });

  it('never gives two keys, whoever made the list', () => {
    const [key] = read({ ...ec, kid: 'a' });
    expect(selectKeys(key === undefined ? [] : [key, key], { kid: 'a', alg: 'ES256' })).toEqual([]);
  });
});

it('the crafted keys are keys, apart from what is wrong with them', () => {
  expect(() => createPublicKey({ key: craftRsa(craftRocaModulus()), format: 'jwk' })).not.toThrow();
  expect(read(craftRsa(withoutSmallFactors(craftRocaModulus())))).toHaveLength(1);
});
