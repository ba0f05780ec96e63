import { describe, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import { type EventDocument, toEventDocument } from '../../operator/controller/event-document.ts';

const reporter = { reportingController: 'mcpauth.dev/operator', reportingInstance: 'operator-0' };
const event = { type: 'Warning', reason: 'Timeout', action: 'Verify', note: 'No answer.' } as const;
const moment = { nowMs: Date.parse('2026-11-24T12:00:00.007Z'), mark: 0x18adn };

function policy(name: string): UntypedObject {
  const metadata = { name, namespace: 'team-a', uid: 'u-1', resourceVersion: '77', generation: 2 };
  return { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec: { issuer: 'x' } };
}

const noteOf = (note: string): unknown =>
  toEventDocument(policy('p'), { ...event, note }, reporter, moment).note;
const nameOf = (document: EventDocument): string => document.metadata.name;

describe('the document of an event', () => {
  it('says what happened to which object, in its namespace', () => {
    expect(toEventDocument(policy('web'), event, reporter, moment)).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'team-a', name: 'web.18ad' },
      eventTime: '2026-11-24T12:00:00.007000Z',
      regarding: {
        ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy' },
        ...{ namespace: 'team-a', name: 'web', uid: 'u-1', resourceVersion: '77' },
      },
      ...reporter,
      ...event,
    });
  });

  it.each([
    ['a', 'a'],
    ['a'.repeat(253), 'a'.repeat(248)],
    [`${'a'.repeat(246)}.-bbbbbb`, 'a'.repeat(246)],
  ])('has a name that the API server takes (%#)', (name, start) => {
    expect(nameOf(toEventDocument(policy(name), event, reporter, moment))).toBe(`${start}.18ad`);
  });

  it('has at most 1024 bytes of a note, and no half character', () => {
    expect(noteOf('n'.repeat(1024))).toBe('n'.repeat(1024));
    expect(noteOf('n'.repeat(1025))).toBe('n'.repeat(1024));
    expect(noteOf(`n${'é'.repeat(600)}`)).toBe(`n${'é'.repeat(511)}`);
    expect(noteOf(`${'n'.repeat(1021)}🔑`)).toBe('n'.repeat(1021));
  });

  it('shortens the name of the instance to what the API server takes', () => {
    const long = { ...reporter, reportingInstance: 'i'.repeat(253) };
    expect(toEventDocument(policy('p'), event, long, moment).reportingInstance).toBe('i'.repeat(128));
  });
});
