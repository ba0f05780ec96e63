import { describe, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { createPolicyEvents, type PolicyEvents } from '../../operator/controller/policy-events.ts';

function status(reason: string): McpAuthPolicyStatus {
  const ready = reason === 'Ready' ? 'True' : 'False';
  const condition = { type: 'Ready', status: ready, reason, message: 'Says so.' } as const;
  return { conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }] };
}

function policy(stored?: McpAuthPolicyStatus, uid = 'u-1'): UntypedObject {
  const metadata = { name: 'p', namespace: 'a', uid, resourceVersion: '1' };
  return { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, status: stored };
}

function collect(): { readonly events: PolicyEvents; readonly told: readonly string[] } {
  const told: string[] = [];
  const events = createPolicyEvents({
    record: ({ metadata }, { reason }) => told.push(`${metadata.uid} ${reason}`),
  });
  return { events, told };
}

describe('the events of policies', () => {
  it('begin with what the object holds: a restart tells nothing again', () => {
    const { events, told } = collect();
    events.offer(policy(status('Ready')), status('Ready'));
    events.offer(policy(status('Ready'), 'u-2'), status('Timeout'));
    expect(told).toEqual(['u-2 Timeout']);
  });

  it('tell each transition once, however late the watch shows it', () => {
    const { events, told } = collect();
    const before = policy(status('Ready'));
    for (const reason of ['Timeout', 'Timeout', 'Ready', 'Ready']) events.offer(before, status(reason));
    events.offer(policy(status('Timeout')), status('Ready'));
    events.offer(policy(status('Ready')), status('Ready'));
    expect(told).toEqual(['u-1 Timeout', 'u-1 Ready']);
  });

  it('tell of a policy that was created again as of a new one', () => {
    const { events, told } = collect();
    events.offer(policy(), status('Ready'));
    events.offer(policy(undefined, 'u-2'), status('Ready'));
    expect(told).toEqual(['u-1 Ready', 'u-2 Ready']);
  });

  it('do not remember policies without end: the one that was offered longest ago is forgotten', () => {
    const { events, told } = collect();
    const offer = (index: number): void => events.offer(policy(undefined, `${index}`), status('Ready'));
    for (let index = 0; index < 10_000; index += 1) offer(index);
    offer(0);
    offer(10_000);
    expect(told.length).toBe(10_001);
    offer(0);
    offer(10_000);
    expect(told.length).toBe(10_001);
    offer(1);
    expect(told.slice(10_001)).toEqual(['1 Ready']);
  });
});
