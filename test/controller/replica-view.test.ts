import { describe, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import {
  configurationDigest,
  isEnforced,
  policiesVersion,
  type ReplicaContent,
} from '../../operator/controller/replica-content.ts';
import {
  isEnforcedByAll,
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

describe('a content', () => {
  const version = (value: string): ReplicaContent => ({ [policiesVersion]: value });
  const digest = (value: string): ReplicaContent => ({ [configurationDigest]: value });

  it.each<[string, ReplicaContent, ReplicaContent, boolean]>([
    ['the same version', version('7'), version('7'), true],
    ['a newer version', version('10'), version('9'), true],
    ['an older version', version('9'), version('10'), false],
    ['a newer version of many digits', version('90071992547409931'), version('90071992547409930'), true],
    ['an older version of many digits', version('90071992547409930'), version('90071992547409931'), false],
    ['the same version that is no number', version('a1'), version('a1'), true],
    ['a version that is no number', version('a2'), version('a1'), false],
    ['a wanted version that is no number', version('2'), version('a1'), false],
    ['a longer version than a wanted one that is no number', version('200'), version('a1'), false],
    ['a version with a leading zero', version('010'), version('9'), false],
    ['an empty version', version(''), version('1'), false],
    ['no version', {}, version('1'), false],
    ['the same digest', digest('12'), digest('12'), true],
    ['a digest that is a larger number', digest('13'), digest('12'), false],
    ['one of two', version('1'), { ...version('1'), ...digest('a') }, false],
    ['more than is wanted', { ...version('1'), ...digest('a') }, digest('a'), true],
    ['anything where nothing is wanted', {}, {}, true],
  ])('with %s', (_, content, wanted, expected) => {
    expect(isEnforced(content, wanted)).toBe(expected);
  });

  it('is enforced by all when every live replica says so, and there is one', () => {
    const replica = (value: string) => ({ name: value, content: version(value) });
    expect(isEnforcedByAll([replica('5'), replica('6')], version('5'))).toBe(true);
    expect(isEnforcedByAll([replica('5'), replica('6')], version('6'))).toBe(false);
    expect(isEnforcedByAll([], version('5'))).toBe(false);
  });
});
