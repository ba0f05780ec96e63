import { expect, test } from 'vitest';
import { createSigner, type Signer, signWithSecret } from '../fixtures/token-forge.ts';
import { first, forger, held, recoveryMs, refreshMs, second, startScene } from './scene.ts';

const rsa = await createSigner('RS256', { kid: 'rsa' });
const weak = await createSigner('RS256', { kid: 'weak', modulusLength: 1024 });

const anonymous = ({ publicJwk }: Signer) => ({ ...publicJwk, kid: undefined });
/** The same signer, whose tokens do not name its key. */
const unnamed = (signer: Signer): Signer => ({
  ...signer,
  sign: (header, payload) => signer.sign({ ...(header as object), kid: undefined }, payload),
});

const secret = Buffer.alloc(32, 7);
const symmetric = { kty: 'oct', kid: 'symmetric', alg: 'HS256', use: 'sig', k: secret.toString('base64url') };
const sharer: Signer = {
  ...first,
  sign: (header, payload) => signWithSecret(secret, { kid: 'symmetric', ...(header as object) }, payload),
};

interface KeySetCase {
  readonly name: string;
  readonly keys: readonly unknown[];
  /** What the tokens of each of these are answered with. */
  readonly told: readonly (readonly [Signer, string])[];
  /** Of `IssuerReady`. */
  readonly reason: string;
}

const notFound = '401 key_not_found';

const cases: readonly KeySetCase[] = [
  {
    name: 'a single key without kid is meant by tokens that name none, and by no others',
    keys: [anonymous(first)],
    told: [
      [unnamed(first), 'admitted'],
      [unnamed(second), '401 signature_invalid'],
      [first, notFound],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'of two keys without kid neither can be meant',
    keys: [anonymous(first), anonymous(second)],
    told: [
      [unnamed(first), notFound],
      [unnamed(second), notFound],
      [first, notFound],
    ],
    reason: 'NoUsableKeys',
  },
  {
    name: 'of two keys with one kid neither is used, and the others are',
    keys: [first.publicJwk, forger.publicJwk, second.publicJwk],
    told: [
      [first, notFound],
      [forger, notFound],
      [second, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'of two keys with one kid neither is used, though their algorithms tell them apart',
    keys: [first.publicJwk, { ...rsa.publicJwk, kid: 'first' }, second.publicJwk],
    told: [
      [first, notFound],
      [
        { ...rsa, sign: (header, payload) => rsa.sign({ ...(header as object), kid: 'first' }, payload) },
        notFound,
      ],
      [second, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'a weak RSA key is not used, a good one beside it is',
    keys: [weak.publicJwk, rsa.publicJwk],
    told: [
      [weak, notFound],
      [rsa, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'a private key is not used, a public one beside it is',
    keys: [first.privateJwk, second.publicJwk],
    told: [
      [first, notFound],
      [second, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'a symmetric key is not used, a public one beside it is',
    keys: [symmetric, second.publicJwk],
    told: [
      [sharer, '401 alg_not_allowed'],
      [second, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'a key for encryption is not used, a public one beside it is',
    keys: [{ ...first.publicJwk, use: 'enc' }, second.publicJwk],
    told: [
      [first, notFound],
      [second, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'what is no key at all harms nobody',
    keys: [null, 7, 'x', [], {}, { kty: 'XYZ' }, { ...first.publicJwk, x: '!' }, second.publicJwk],
    told: [
      [first, notFound],
      [second, 'admitted'],
    ],
    reason: 'KeysLoaded',
  },
  {
    name: 'an empty set is no answer',
    keys: [],
    told: [[first, '503 keys_unavailable']],
    reason: 'NoUsableKeys',
  },
  {
    name: 'a set of nothing but bad keys is no answer',
    keys: [weak.publicJwk, second.privateJwk, symmetric],
    told: [
      [weak, '503 keys_unavailable'],
      [second, '503 keys_unavailable'],
    ],
    reason: 'NoUsableKeys',
  },
];

const late = 'team-a/late';

test.each(cases)('key set: $name', async ({ keys, told, reason }) => {
  await using scene = await startScene();
  const { issuer } = scene;
  issuer.respond(issuer.jwksPath, { body: { keys } });
  scene.apply({ [late]: scene.spec(late, { jwks: { uri: issuer.jwksURI } }) });
  // The fetch is older than the tokens: what they are told is due to the set, and not to a rotation that was missed.
  await scene.pass(refreshMs);
  const outcomes: string[] = [];
  for (const [signer] of told) outcomes.push((await scene.ask(late, scene.token(late, signer))).outcome);
  expect(outcomes).toEqual(told.map(([, outcome]) => outcome));
  expect(scene.replica.reasons(late)).toMatchObject({ IssuerReady: reason });

  issuer.restore(issuer.jwksPath);
  await scene.pass(refreshMs + recoveryMs);
  expect((await scene.ask(late, scene.token(late, first))).outcome).toBe('admitted');
  expect(scene.replica.reasons(late)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
  scene.expectUnharmed();
});

test('key set: a key whose private half is published is dead at that fetch', async () => {
  await using scene = await startScene();
  scene.issuer.setKeys({ keys: [first.privateJwk, second.publicJwk] });
  await scene.pass(refreshMs);
  expect((await scene.ask(held, scene.token(held, second))).outcome).toBe('admitted');
  expect((await scene.ask(held, scene.token(held, first))).outcome).toBe(notFound);
  scene.expectUnharmed();
});
