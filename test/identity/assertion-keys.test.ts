import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, test } from 'vitest';
import { createKeys, processKey, tryKeys, writeKey } from '../fixtures/assertion-keys.ts';

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;

test.each([
  ['P-256', 'ES256', ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']],
  ['Ed25519', 'EdDSA', ['alg', 'crv', 'kid', 'kty', 'use', 'x']],
  ['RSA', 'RS256', ['alg', 'e', 'kid', 'kty', 'n', 'use']],
] as const)('a %s key signs with %s, and its public members are published', async (kind, alg, members) => {
  const { signing, published } = await createKeys({ 'current.pem': writeKey(kind) });
  const jwk = published?.keys[0] ?? {};
  expect(Object.keys(jwk).sort()).toEqual(members);
  expect(jwk).toMatchObject({ alg, use: 'sig', kid: await calculateJwkThumbprint(jwk) });
  expect(signing).toMatchObject({ alg, kid: jwk.kid });
});

describe('no key that signs', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  test.each<[string, string]>([
    ['junk', 'junk'],
    ['nothing', ''],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pkcs8).toString()],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export(pkcs8).toString()],
    ['Ed448', generateKeyPairSync('ed448').privateKey.export(pkcs8).toString()],
    ['X25519', generateKeyPairSync('x25519').privateKey.export(pkcs8).toString()],
    ['short RSA', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pkcs8).toString()],
    ['a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    [
      'an encrypted key',
      rsa.privateKey.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
    ],
  ])('%s', async (_, text) => {
    const files = { 'current.pem': writeKey(), 'next.pem': text };
    expect(await tryKeys(files)).toEqual({ ok: false, file: 'next.pem', problem: 'unusable' });
  });
});

test('no files are no keys; files without the one that signs are a mistake', async () => {
  expect(await createKeys({})).toEqual({ sessionKeys: [processKey] });
  const missing = { ok: false, file: 'current.pem', problem: 'missing' };
  expect(await tryKeys({ 'next.pem': writeKey() })).toEqual(missing);
});

test('the current key signs and is published first; the same key under two names once', async () => {
  const [current, next, previous] = [writeKey(), writeKey('Ed25519'), writeKey()];
  const { signing, published } = await createKeys({
    'a.pem': previous,
    'b.pem': current,
    'current.pem': current,
    'next.pem': next,
  });
  expect(published?.keys.map(({ kid }) => kid)).toHaveLength(3);
  const alone = await createKeys({ 'current.pem': current });
  expect(signing?.kid).toBe(alone.signing?.kid);
  expect(published?.keys[0]).toEqual(alone.published?.keys[0]);
});

describe('session keys', () => {
  test('are the same for the same files, however written, and one for each key, the current one first', async () => {
    const [current, next] = [writeKey(), writeKey('RSA')];
    const sec1 = createPrivateKey(current).export({ type: 'sec1', format: 'pem' }).toString();
    const { sessionKeys } = await createKeys({ 'current.pem': current, 'next.pem': next });
    const other = await createKeys({ 'current.pem': sec1, 'next.pem': next });
    expect(other.sessionKeys).toEqual(sessionKeys);
    expect(sessionKeys.map(({ length }) => length)).toEqual([32, 32]);
    expect(sessionKeys[0]).not.toEqual(sessionKeys[1]);
    const swapped = await createKeys({ 'current.pem': next, 'previous.pem': current });
    expect(swapped.sessionKeys).toEqual([...sessionKeys].reverse());
  });
});
