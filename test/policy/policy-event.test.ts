import { describe, expect, it } from 'vitest';
import type { Condition, McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { policyEventFor } from '../../operator/policy/policy-event.ts';
import { statusFor } from '../../operator/policy/status.ts';

/** A status whose `Ready` has this reason. */
function status(reason: string, rest: Partial<McpAuthPolicyStatus> = {}): McpAuthPolicyStatus {
  const ready: Condition = {
    ...{ type: 'Ready', status: reason === 'Ready' ? 'True' : 'False', reason, message: `Says ${reason}.` },
    ...{ lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1 },
  };
  const accepted: Condition = { ...ready, type: 'Accepted', status: 'True', reason: 'Accepted' };
  return { observedGeneration: 1, conditions: [accepted, ready], ...rest };
}

const fresh = { observedGeneration: -1 };

describe('an event is due', () => {
  it.each<[string, unknown, string, string]>([
    ['a new policy is ready', fresh, 'Ready', 'Normal'],
    ['a new policy has a fault', fresh, 'Invalid', 'Warning'],
    ['a policy becomes ready', status('Pending'), 'Ready', 'Normal'],
    ['a policy recovers', status('HTTPError'), 'Ready', 'Normal'],
    ['a ready policy fails', status('Ready'), 'SelfTestFailed', 'Warning'],
    ['a ready policy waits again', status('Ready'), 'Pending', 'Normal'],
    ['a fault gives way to waiting', status('RefNotFound'), 'Pending', 'Normal'],
    ['waiting ends in a fault', status('Pending'), 'KeysStale', 'Warning'],
    ['one fault follows another', status('DNSFailure'), 'TLSFailure', 'Warning'],
  ])('when %s', (_, previous, reason, type) => {
    expect(policyEventFor(previous, status(reason))).toEqual({
      ...{ type, reason, action: 'Verify', note: `Says ${reason}.` },
    });
  });

  it('when only the status of Ready tells them apart', () => {
    const odd = JSON.parse(JSON.stringify(status('Ready')).replaceAll('"True"', '"Unknown"'));
    expect(policyEventFor(odd, status('Ready'))).toMatchObject({ reason: 'Ready' });
  });

  it.each<[string, unknown]>([
    ['none', undefined],
    ['a text', 'text'],
    ['one without conditions', { conditions: null }],
    ['one with odd conditions', { conditions: [null, 7, 'Ready', { type: 'Ready' }] }],
  ])('whatever shape the stored status has: %s', (_, previous) => {
    expect(policyEventFor(previous, status('Ready'))).toMatchObject({ reason: 'Ready' });
  });
});

describe('no event is due', () => {
  it.each<[string, unknown, McpAuthPolicyStatus]>([
    ['for the first Pending of a new policy', fresh, status('Pending')],
    ['for the first Pending of a policy without a status', undefined, status('Pending')],
    ['while it stays ready', status('Ready'), status('Ready')],
    ['while it waits', status('Pending'), status('Pending')],
    ['while the fault is the same', status('Timeout'), status('Timeout')],
    ['for another generation of the same', status('Ready'), status('Ready', { observedGeneration: 2 })],
    [
      'for what callers met with',
      status('Ready'),
      status('Ready', {
        verification: {
          firstAcceptedTime: '2026-01-02T00:00:00Z',
          rejections: { reason: 'token_expired', since: '2026-01-02T00:00:00Z' },
        },
      }),
    ],
    ['for a status without Ready', status('Ready'), { observedGeneration: 1 }],
  ])('%s', (_, previous, next) => {
    expect(policyEventFor(previous, next)).toBeUndefined();
  });
});

it('speaks of the statuses that the operator computes', () => {
  const outcome = { namespace: 'a', name: 'x', generation: 3, sharesAudience: false };
  const given = { operatorVersion: '1', nowMs: 0 };
  const waiting = statusFor({ outcome, ...given });
  const refusal = { reason: 'Unsupported', message: 'Not in this version.' } as const;
  const refused = statusFor({ outcome: { ...outcome, refusal }, ...given });

  expect(policyEventFor(undefined, waiting)).toBeUndefined();
  expect(policyEventFor(waiting, refused)).toEqual({
    ...{ type: 'Warning', reason: 'Unsupported', action: 'Verify', note: 'Not in this version.' },
  });
});
