import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goodClaims } from './tokens.cases.ts';
import { createOffline, createReviewing, createSigners, publicKeys } from './verifiers.ts';

/** How many mutated tokens are tried; raise it for a long search. */
const runs = Number(process.env.MUTATED_TOKENS ?? 20_000);
/** Told, so that a search can be repeated. */
const seed = Number(process.env.MUTATION_SEED ?? Date.now() % 2 ** 31);
console.info(`mutated tokens: ${runs} in each mode, MUTATION_SEED=${seed}`);

const signers = await createSigners();
const subjects = [createOffline(publicKeys(signers)), createReviewing(signers)];
const tokens = [signers.ec, signers.rsa, signers.ed].map((signer) =>
  signer.sign({ typ: 'at+jwt' }, goodClaims),
);

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é'];
const position = fc.nat({ max: 2000 });
const piece = fc
  .array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''));

type Mutation = (token: string) => string;

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(position, piece).map(
    ([at, text]): Mutation =>
      (token) =>
        `${token.slice(0, at % token.length)}${text}${token.slice((at % token.length) + text.length)}`,
  ),
  fc.tuple(position, piece).map(
    ([at, text]): Mutation =>
      (token) =>
        `${token.slice(0, at % (token.length + 1))}${text}${token.slice(at % (token.length + 1))}`,
  ),
  fc.tuple(position, fc.integer({ min: 1, max: 8 })).map(
    ([at, count]): Mutation =>
      (token) =>
        `${token.slice(0, at % token.length)}${token.slice((at % token.length) + count)}`,
  ),
  fc.tuple(position, position).map(
    ([a, b]): Mutation =>
      (token) =>
        swap(token, a % token.length, b % token.length),
  ),
  fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })).map(
    ([part, other]): Mutation =>
      (token) => {
        const parts = token.split('.');
        const foreign = (tokens[other] ?? '').split('.')[part] ?? '';
        return parts.map((own, index) => (index === part ? foreign : own)).join('.');
      },
  ),
);

function swap(text: string, a: number, b: number): string {
  const characters = [...text];
  [characters[a], characters[b]] = [characters[b] ?? '', characters[a] ?? ''];
  return characters.join('');
}

describe.each(subjects)('mode $mode', ({ verify, config }) => {
  test('the tokens are good before they are changed', async () => {
    for (const token of tokens) expect(await verify(token, config)).toMatchObject({ kind: 'admitted' });
  });

  test('no changed token is let in', { timeout: 3_600_000 }, async () => {
    const changes = fc.tuple(fc.constantFrom(...tokens), fc.array(mutation, { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(changes, async ([token, mutations]) => {
        const changed = mutations.reduce((text, mutate) => mutate(text), token);
        fc.pre(!tokens.includes(changed));
        expect(await verify(changed, config)).toMatchObject({ kind: 'denied' });
      }),
      { numRuns: runs, seed },
    );
  });
});
