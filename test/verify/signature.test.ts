import { describe, expect, test } from 'vitest';
import { readKeySet } from '../../operator/keys/key-set.ts';
import type { KeySet, KeySource, RefreshOutcome } from '../../operator/keys/key-source.ts';
import { checkSignature } from '../../operator/verify/signature.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { goodClaims } from '../threats/tokens.cases.ts';

const known = await createSigner('ES256');
const fresh = await createSigner('ES256');
const forger = await createSigner('ES256', { kid: known.kid });
const issuedAt = 1_000;

function keySet(signers: readonly (typeof known)[], fetchedAtSeconds: number, change: object = {}): KeySet {
  const keys = signers.map(({ publicJwk }) => ({ ...publicJwk, ...change }));
  const read = readKeySet(new TextEncoder().encode(JSON.stringify({ keys })));
  if (!read.ok) throw new Error('the keys of the test are wrong');
  return { keys: read.keys, digest: read.digest, fetchedAtMs: fetchedAtSeconds * 1000 };
}

/** A source that holds `before`, and `after` once it has been asked to look again. */
function createSource(before: KeySet | undefined, outcome: RefreshOutcome, after = before) {
  let held = before;
  let refreshes = 0;
  const source: KeySource = {
    current: () => held,
    state: () => ({ tried: true }),
    refresh: async () => {
      refreshes += 1;
      held = after;
      return outcome;
    },
    retryAfterSeconds: () => 7,
  };
  return { source, refreshes: () => refreshes };
}

function check(signer: typeof known, source: KeySource, header: object = {}) {
  const token = signer.sign({}, { ...goodClaims, iat: issuedAt });
  return checkSignature({ token, header: { alg: 'ES256', kid: signer.kid, ...header }, issuedAt }, source);
}

const coolingDown: RefreshOutcome = { kind: 'cooling-down', remainingSeconds: 12 };
const refreshed: RefreshOutcome = { kind: 'refreshed' };

test('a known key needs no look at the issuer', async () => {
  const { source, refreshes } = createSource(keySet([known], 0), refreshed);
  expect(await check(known, source)).toEqual({ kind: 'valid' });
  expect(refreshes()).toBe(0);
});

test('without keys it cannot be decided', async () => {
  const { source } = createSource(undefined, refreshed);
  expect(await check(known, source)).toEqual({ kind: 'unavailable', retryAfterSeconds: 7 });
});

describe('an unknown key', () => {
  test('is found when the issuer has it by now', async () => {
    const { source } = createSource(keySet([known], 0), refreshed, keySet([known, fresh], 2_000));
    expect(await check(fresh, source)).toEqual({ kind: 'valid' });
  });

  test('is refused when the issuer does not have it', async () => {
    const { source } = createSource(keySet([known], 0), refreshed, keySet([known], 2_000));
    expect(await check(fresh, source)).toEqual({ kind: 'denied', reason: 'key_not_found' });
  });

  test('cannot be decided when the fetch began before the token was issued', async () => {
    const { source } = createSource(keySet([known], 0), refreshed, keySet([known], 999));
    expect(await check(fresh, source)).toEqual({ kind: 'unavailable', retryAfterSeconds: 1 });
  });

  test('inside the cool-down is refused when the keys are newer than the token, else it cannot be decided', async () => {
    const newer = createSource(keySet([known], 1_000), coolingDown);
    expect(await check(fresh, newer.source)).toEqual({ kind: 'denied', reason: 'key_not_found' });
    const older = createSource(keySet([known], 999), coolingDown);
    expect(await check(fresh, older.source)).toEqual({ kind: 'unavailable', retryAfterSeconds: 12 });
  });

  test('cannot be decided while the issuer is away', async () => {
    const { source } = createSource(keySet([known], 0), { kind: 'failed', retryAfterSeconds: 3 });
    expect(await check(fresh, source)).toEqual({ kind: 'unavailable', retryAfterSeconds: 3 });
  });
});

describe('a bad signature under a known kid', () => {
  test('is good when the issuer has put a new key under it', async () => {
    const { source } = createSource(keySet([known], 0), refreshed, keySet([forger], 2_000));
    expect(await check(forger, source)).toEqual({ kind: 'valid' });
  });

  test.each([refreshed, coolingDown, { kind: 'failed', retryAfterSeconds: 3 } as const])(
    'is refused when the key is the same (%j)',
    async (outcome) => {
      const { source } = createSource(keySet([known], 0), outcome);
      expect(await check(forger, source)).toEqual({ kind: 'denied', reason: 'signature_invalid' });
    },
  );
});

test('a token that leaves open which of two keys it means is refused without a look at the issuer', async () => {
  const { source, refreshes } = createSource(keySet([known, fresh], 0), refreshed);
  expect(await check(known, source, { kid: undefined })).toEqual({ kind: 'denied', reason: 'key_not_found' });
  expect(refreshes()).toBe(0);
});
