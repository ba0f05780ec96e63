import { expect, test } from 'vitest';
import { createVerification } from '../../operator/commands/verification.ts';
import type { TokenReviewConfig } from '../../operator/policy/verifier-config.ts';
import type { ReviewOutcome } from '../../operator/verify/review-token.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const config: TokenReviewConfig = {
  mode: 'TokenReview',
  issuer: 'https://idp.example.com',
  audiences: ['a'],
  algorithms: ['RS256'],
  clockSkewSeconds: 60,
  tokenType: 'AccessToken',
  requiredScopes: [],
  requiredClaims: [],
  maxTokenBytes: 8192,
  namespace: 'n',
  policy: 'n/x',
};

function createScene() {
  const clock = createFakeClock();
  let outcome: ReviewOutcome = { kind: 'authenticated', username: 'u', audiences: ['a'] };
  let asked = 0;
  let changes = 0;
  const verification = createVerification({
    clock,
    log: recordLog(),
    refreshSeconds: 300,
    cluster: {
      review: async () => {
        asked += 1;
        return outcome;
      },
      requestOwnToken: async () => ({ ok: false, why: 'NoAccount' }),
      fetchDocument: async () => ({ ok: false, failure: 'HTTPError', answered: false }),
    },
    onChange: () => {
      changes += 1;
    },
    onSelfTest: () => undefined,
  });
  return {
    clock,
    verification,
    answer: (next: ReviewOutcome) => {
      outcome = next;
    },
    countAsked: () => asked,
    countChanges: () => changes,
  };
}

test('what callers meet with is known as the health of the API server', async () => {
  const { verification, answer, countChanges } = createScene();
  expect(await verification.verifyToken('opaque', config)).toMatchObject({ kind: 'admitted' });
  expect(verification.apiServer?.state()).toEqual({ tried: true });
  expect(countChanges()).toBe(1);
  answer({ kind: 'failed', failure: 'Forbidden' });
  expect(await verification.verifyToken('other', config)).toMatchObject({ kind: 'unavailable' });
  await settle();
  expect(verification.apiServer?.state()).toEqual({ tried: true, failure: 'Forbidden' });
  expect(countChanges()).toBe(2);
  verification.close();
});

test('after the end nobody is asked', async () => {
  const { clock, verification, answer, countAsked } = createScene();
  answer({ kind: 'failed', failure: 'Timeout' });
  verification.apiServer?.start();
  await settle();
  verification.close();
  const before = countAsked();
  clock.advance(3_600_000);
  await settle();
  expect(countAsked()).toBe(before);
});

test('without a cluster there is nobody to review tokens', async () => {
  const verification = createVerification({
    clock: createFakeClock(),
    log: recordLog(),
    refreshSeconds: 300,
    onChange: () => undefined,
    onSelfTest: () => undefined,
  });
  expect(verification.apiServer).toBeUndefined();
  expect(await verification.verifyToken('opaque', config)).toMatchObject({ kind: 'unavailable' });
  verification.close();
});
