import { describe, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import {
  liveReplicas,
  nextGoneMs,
  observeReplicas,
  type ReplicaView,
} from '../../operator/controller/replica-view.ts';

const t0 = 70_000;

function lease(name: string, renewTime: string, content = {}, spec: object = {}): UntypedObject {
  return {
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    metadata: { namespace: 'ns', name, annotations: content },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime, ...spec },
  };
}

/** What is seen, by the milliseconds after the start at which it is. */
const see = (
  ...sights: readonly (readonly [atMs: number, leases: readonly UntypedObject[]])[]
): ReplicaView =>
  sights.reduce<ReplicaView>((view, [atMs, leases]) => observeReplicas(view, leases, t0 + atMs), new Map());

const names = (view: ReplicaView, atMs: number): string =>
  liveReplicas(view, t0 + atMs)
    .map(({ name }) => name)
    .join(' ');

describe('the live replicas', () => {
  it.each<[string, ReplicaView, number, string]>([
    ['are none at first', new Map(), 0, ''],
    ['are those that were seen, by name', see([0, [lease('b', '1'), lease('a', '1')]]), 0, 'a b'],
    ['are alive for the duration of their Lease', see([0, [lease('a', '1')]]), 39_999, 'a'],
    ['are gone after it', see([0, [lease('a', '1')]]), 40_000, ''],
    [
      'are those that have renewed',
      see([0, [lease('a', '1'), lease('b', '1')]], [30_000, [lease('a', '2'), lease('b', '1')]]),
      40_000,
      'a',
    ],
    ['come back when they renew', see([0, [lease('a', '1')]], [90_000, [lease('a', '2')]]), 90_000, 'a'],
    ['are not those whose Lease was deleted', see([0, [lease('a', '1')]], [1_000, []]), 1_000, ''],
    ['are not those that have let go', see([0, [lease('a', '1', {}, { holderIdentity: '' })]]), 0, ''],
    ['are not judged by their clocks', see([0, [lease('a', '1999-01-01T00:00:00.000000Z')]]), 0, 'a'],
    ['have durations of their own', see([0, [lease('a', '1', {}, { leaseDurationSeconds: 3 })]]), 3_000, ''],
    [
      'last no longer than a minute',
      see([0, [lease('a', '1', {}, { leaseDurationSeconds: 1e9 })]]),
      60_000,
      '',
    ],
    ['are none with a Lease that says nothing', see([0, [{ ...lease('a', '1'), spec: 'x' }]]), 0, ''],
  ])('%s', (_, view, atMs, expected) => {
    expect(names(view, atMs)).toBe(expected);
  });

  it('have the content that was seen last', () => {
    const view = see([0, [lease('a', '1', { x: '1' })]], [1_000, [lease('a', '1', { x: '2' })]]);
    expect(liveReplicas(view, t0 + 1_000)).toEqual([{ name: 'a', content: { x: '2' } }]);
    expect(names(view, 40_000)).toBe('');
  });

  it('are fewer at a time that is known', () => {
    const view = see([0, [lease('a', '1'), lease('b', '1')]], [30_000, [lease('a', '2'), lease('b', '1')]]);
    expect([30_000, 40_000, 70_000].map((atMs) => nextGoneMs(view, t0 + atMs))).toEqual([
      10_000,
      30_000,
      undefined,
    ]);
  });
});
