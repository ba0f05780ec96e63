import { beforeAll, describe, expect, test } from 'vitest';
import { createStaticKeySource } from '../../operator/keys/static-key-source.ts';
import type { JwtVerifierConfig } from '../../operator/policy/verifier-config.ts';
import { createTokenVerifier, type VerifyToken } from '../../operator/verify/verify-token.ts';
import { holdClock } from '../fixtures/held-clock.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import {
  audience,
  baseConfig,
  goodClaims,
  issuer,
  nowSeconds,
  type Signers,
  tokenCases,
} from './tokens.cases.ts';

let signers: Signers;
let verify: VerifyToken;

beforeAll(async () => {
  const ec = await createSigner('ES256');
  signers = {
    ec,
    rsa: await createSigner('RS256'),
    ed: await createSigner('EdDSA'),
    forger: await createSigner('ES256', { kid: ec.kid }),
    stranger: await createSigner('ES256'),
  };
  const keys = [signers.rsa, signers.ec, signers.ed].map(({ publicJwk }) => publicJwk);
  const source = createStaticKeySource({ kind: 'static', id: 'test', jwks: JSON.stringify({ keys }) });
  verify = createTokenVerifier({ findKeySource: () => source, clock: holdClock(nowSeconds * 1000) });
});

const config: JwtVerifierConfig = { ...baseConfig, keySource: { kind: 'static', id: 'test', jwks: '' } };

describe('every row of the threat table', () => {
  test.each(tokenCases)('$name → $expected', async ({ make, expected, config: change }) => {
    const verdict = await verify(make(signers), { ...config, ...change });
    expect(verdict.kind === 'denied' ? verdict.reason : verdict.kind).toBe(expected);
  });
});

test('the principal is what the token says, and nothing else of it', async () => {
  const verdict = await verify(signers.ec.sign({}, { ...goodClaims, scope: 'a  b', email: 'x' }), config);
  expect(verdict).toEqual({
    kind: 'admitted',
    principal: {
      issuer,
      subject: 'alice',
      clientId: 'cli',
      audiences: [audience],
      scopes: ['a', 'b'],
      expiresAt: nowSeconds + 300,
    },
  });
});

test('a token without kid is refused when two keys could have signed it', async () => {
  const other = await createSigner('ES256');
  const jwks = JSON.stringify({ keys: [signers.ec.publicJwk, other.publicJwk] });
  const source = createStaticKeySource({ kind: 'static', id: 'two', jwks });
  const verifyWithTwo = createTokenVerifier({
    findKeySource: () => source,
    clock: holdClock(nowSeconds * 1000),
  });
  const verdict = await verifyWithTwo(signers.ec.sign({ kid: undefined }, goodClaims), config);
  expect(verdict).toEqual({ kind: 'denied', reason: 'key_not_found' });
});

test('without a key source the token cannot be decided', async () => {
  const verifyWithout = createTokenVerifier({
    findKeySource: () => undefined,
    clock: holdClock(nowSeconds * 1000),
  });
  expect(await verifyWithout(signers.ec.sign({}, goodClaims), config)).toMatchObject({ kind: 'unavailable' });
});
