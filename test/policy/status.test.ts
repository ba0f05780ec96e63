import { describe, expect, test } from 'vitest';
import { REASONS } from '../../operator/api/conditions.gen.ts';
import type { Condition, McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import type { Outcome } from '../../operator/policy/finding.ts';
import type {
  CallerFacts,
  Observation,
  SelfTestOutcome,
  SelfTestResult,
} from '../../operator/policy/observation.ts';
import { statusFor } from '../../operator/policy/status.ts';

const accepted: Outcome = { namespace: 'a', name: 'x', generation: 3, sharesAudience: false };
const working: Observation = {
  issuer: { kind: 'loaded', keys: 2, keySetDigest: 'k1', jwksURI: 'https://idp.example.com/keys' },
  selfTest: tested({ configDigest: 'c'.repeat(64), checks: 5, failed: [] }),
};

const expired = { name: 'expired', decision: 'admitted' };

function tested(result: SelfTestResult): SelfTestOutcome {
  return { kind: 'tested', result };
}

function compute(
  outcome: Outcome,
  observation?: Observation,
  previous?: McpAuthPolicyStatus,
  nowMs = Date.parse('2026-01-01T00:00:00.789Z'),
): McpAuthPolicyStatus {
  return statusFor({
    outcome,
    ...(observation === undefined ? {} : { observation }),
    ...(previous === undefined ? {} : { previous }),
    operatorVersion: '1.2.3',
    nowMs,
  });
}

function summary(status: McpAuthPolicyStatus): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (status.conditions ?? []).map((one) => [one.type, `${one.status} ${one.reason}`]),
  );
}

function condition(status: McpAuthPolicyStatus, type: string): Condition | undefined {
  return status.conditions?.find((one) => one.type === type);
}

describe('conditions', () => {
  test('everything holds', () => {
    expect(summary(compute(accepted, working))).toEqual({
      Accepted: 'True Accepted',
      ResolvedRefs: 'True Resolved',
      Programmed: 'True Enforced',
      IssuerReady: 'True KeysLoaded',
      Verified: 'True Passed',
      Ready: 'True Ready',
    });
  });

  test('a refusal is stalled and nothing else is claimed', () => {
    const refusal = { reason: 'Unsupported', message: 'No.' } as const;
    expect(summary(compute({ ...accepted, refusal }))).toEqual({
      Accepted: 'False Unsupported',
      ResolvedRefs: 'True Resolved',
      Programmed: 'False NotReady',
      IssuerReady: 'Unknown Pending',
      Verified: 'Unknown Pending',
      Ready: 'False Unsupported',
      Stalled: 'True Unsupported',
    });
  });

  test('a spec that cannot be read says nothing of what it names', () => {
    const status = compute({ ...accepted, refusal: { reason: 'Invalid', message: 'No.' } });
    expect(condition(status, 'ResolvedRefs')).toBeUndefined();
  });

  test('a missing object reconciles: it may appear', () => {
    const status = compute({ ...accepted, brokenRef: { reason: 'RefNotFound', message: 'None.' } });
    expect(summary(status)).toMatchObject({
      ResolvedRefs: 'False RefNotFound',
      Ready: 'False RefNotFound',
      Reconciling: 'True RefNotFound',
    });
    expect(condition(status, 'Stalled')).toBeUndefined();
  });

  test.each<[Observation, string]>([
    [{ issuer: { kind: 'failed', reason: 'TLSFailure' } }, 'False TLSFailure'],
    [{ issuer: { kind: 'pending' } }, 'False Pending'],
    [
      { ...working, selfTest: tested({ configDigest: 'c', checks: 5, failed: [expired] }) },
      'False SelfTestFailed',
    ],
    [{ ...working, selfTest: { kind: 'untested', why: 'NoAccount' } }, 'False Pending'],
    [{ issuer: working.issuer }, 'False Pending'],
    [{ ...working, awaitsReplicas: true }, 'False Pending'],
  ])('%j is not ready: %s', (observation, ready) => {
    expect(summary(compute(accepted, observation))).toMatchObject({ Ready: ready });
  });

  test('an upstream that gets no signed assertion is said, and is no fault', () => {
    const lacking = condition(compute(accepted, { ...working, lacksAssertion: true }), 'Ready');
    expect(lacking).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(lacking?.message).toContain('gets no signed assertion');
    expect(lacking?.message).toContain('--assertion-keys');
    expect(condition(compute(accepted, working), 'Ready')?.message).not.toContain('assertion');
  });

  test('an API server that reviews tokens is as good as keys', () => {
    const status = compute(accepted, { ...working, issuer: { kind: 'answered' } });
    expect(summary(status)).toMatchObject({ IssuerReady: 'True Answered', Ready: 'True Ready' });
    expect(status.issuer).toBeUndefined();
  });

  test.each(['NoAccount', 'TokenRefused', 'Unavailable'] as const)(
    'a self-test that could not be run (%s) says why, and claims nothing',
    (why) => {
      const status = compute(accepted, { ...working, selfTest: { kind: 'untested', why } });
      expect(condition(status, 'Verified')).toMatchObject({ status: 'Unknown', reason: 'Pending' });
      expect(condition(status, 'Verified')?.message).not.toBe('The self-test has not run.');
      expect(status.verification).toBeUndefined();
    },
  );

  test('a failed self-test names the case', () => {
    const failed = {
      ...working,
      selfTest: tested({ configDigest: 'c', checks: 5, failed: [expired] }),
    };
    const status = compute(accepted, failed);
    expect(condition(status, 'Verified')?.message).toContain('expired was answered admitted');
    expect(status.verification?.failed).toEqual(['expired']);
  });

  test('an audience that opens another namespace is said and the other not named', () => {
    const message = condition(compute({ ...accepted, sharesAudience: true }, working), 'Accepted')?.message;
    expect(message).toContain('another namespace');
  });

  test('reasons are from the closed list', () => {
    const reasons = new Set(Object.values(REASONS).flat() as string[]);
    for (const status of [
      compute(accepted, working),
      compute(accepted),
      compute({ ...accepted, refusal: { reason: 'Conflicted', message: '' } }),
    ]) {
      for (const { reason } of status.conditions ?? []) expect(reasons).toContain(reason);
    }
  });
});

describe('what a status remembers', () => {
  const first = compute(accepted, working);
  const later = Date.parse('2026-01-02T00:00:00Z');

  test('nothing changed: the same status, times included', () => {
    expect(compute(accepted, working, first, later)).toEqual(first);
  });

  test('times have whole seconds', () => {
    expect(condition(first, 'Ready')?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
    expect(first.verification?.time).toBe('2026-01-01T00:00:00Z');
  });

  test('a condition whose status changes gets a new time, the others keep theirs', () => {
    const second = compute(
      accepted,
      { ...working, issuer: { kind: 'failed', reason: 'KeysStale' } },
      first,
      later,
    );
    expect(condition(second, 'IssuerReady')?.lastTransitionTime).toBe('2026-01-02T00:00:00Z');
    expect(condition(second, 'Accepted')?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
  });

  test('another configuration, or another version of the operator, is another test', () => {
    const selfTest = tested({ configDigest: 'd'.repeat(64), checks: 5, failed: [] });
    expect(compute(accepted, { ...working, selfTest }, first, later).verification?.time).toBe(
      '2026-01-02T00:00:00Z',
    );
  });

  describe('of callers', () => {
    const day = (of: number): number => Date.parse(`2026-01-0${of}T00:00:00Z`);
    const meeting = (callers: CallerFacts): Observation => ({ ...working, callers });
    const accepting = compute(accepted, meeting({ hasAccepted: true }), first, day(2));
    const rejecting = compute(
      accepted,
      meeting({ hasAccepted: false, dominantRejection: 'token_expired' }),
      first,
      day(2),
    );

    test('nothing before there was any', () => {
      expect(compute(accepted, meeting({ hasAccepted: false }), first, day(2))).toEqual(first);
    });

    test('since when they get in, and since when they are refused', () => {
      expect(accepting).toEqual({
        ...first,
        verification: { ...first.verification, firstAcceptedTime: '2026-01-02T00:00:00Z' },
      });
      expect(rejecting).toEqual({
        ...first,
        verification: {
          ...first.verification,
          rejections: { reason: 'token_expired', since: '2026-01-02T00:00:00Z' },
        },
      });
    });

    test('the first time stays the first', () => {
      expect(compute(accepted, meeting({ hasAccepted: true }), accepting, day(3))).toEqual(accepting);
    });

    test.each([
      ['nobody knows anything yet, as after a restart', { hasAccepted: false }],
      ['it is the same reason', { hasAccepted: false, dominantRejection: 'token_expired' }],
    ])('what was said stands while %s', (_, callers) => {
      expect(compute(accepted, meeting(callers), rejecting, day(3))).toEqual(rejecting);
      expect(compute(accepted, working, rejecting, day(3))).toEqual(rejecting);
    });

    test('another reason has a time of its own', () => {
      const facts = { hasAccepted: false, dominantRejection: 'issuer_mismatch' };
      expect(compute(accepted, meeting(facts), rejecting, day(3)).verification?.rejections).toEqual({
        reason: 'issuer_mismatch',
        since: '2026-01-03T00:00:00Z',
      });
    });

    test('no reason any more', () => {
      const facts = { hasAccepted: false, dominantRejection: 'none' };
      expect(compute(accepted, meeting(facts), rejecting, day(3))).toEqual(first);
    });

    test('they outlive another outcome of the self-test', () => {
      const failing: Observation = {
        ...working,
        selfTest: tested({ configDigest: 'c'.repeat(64), checks: 5, failed: [expired] }),
      };
      expect(compute(accepted, failing, accepting, day(3)).verification).toMatchObject({
        failed: ['expired'],
        time: '2026-01-03T00:00:00Z',
        firstAcceptedTime: '2026-01-02T00:00:00Z',
      });
    });

    test.each([
      ['configuration', { configDigest: 'd'.repeat(16) }],
      ['version of the operator', { operatorVersion: '1.2.2' }],
    ])('another %s starts with nothing', (_, other) => {
      for (const before of [accepting, rejecting]) {
        const previous = { ...before, verification: { ...before.verification, ...other } };
        const { verification } = compute(accepted, meeting({ hasAccepted: false }), previous, day(3));
        expect(Object.keys(verification ?? {})).not.toContain('firstAcceptedTime');
        expect(Object.keys(verification ?? {})).not.toContain('rejections');
      }
    });
  });

  test('every condition is about the generation that was looked at', () => {
    expect(first.observedGeneration).toBe(3);
    for (const one of first.conditions ?? []) expect(one.observedGeneration).toBe(3);
  });
});
