import { expect, test } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import { programmedBefore } from '../../operator/enforcement/stored-status.ts';
import type { CompiledPolicy } from '../../operator/policy/snapshot.ts';

const policy = { namespace: 'a', name: 'x', generation: 3, digest: 'd'.repeat(64) } as CompiledPolicy;
const snapshot = { policies: new Map([['a/x', policy]]) };
const verification = {
  ...{ configDigest: 'd'.repeat(16), operatorVersion: '1.2.3' },
  ...{ checks: 5, failed: [], time: 't' },
};

function stored(condition: object, change: object = {}): UntypedObject {
  const programmed = { type: 'Programmed', status: 'True', observedGeneration: 3, lastTransitionTime: 't' };
  return {
    ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata: { namespace: 'a', name: 'x' } },
    status: { conditions: [{ ...programmed, ...condition }], verification: { ...verification, ...change } },
  };
}

test.each<[string, UntypedObject, boolean]>([
  ['the same configuration', stored({}), true],
  ['another configuration', stored({}, { configDigest: 'e'.repeat(16) }), false],
  ['another version', stored({}, { configDigest: 'e'.repeat(16), operatorVersion: '1.2.2' }), true],
  ['another version and generation', stored({ observedGeneration: 2 }, { operatorVersion: '1.2.2' }), false],
  ['another generation', stored({ observedGeneration: 2 }), false],
  ['one that had not reached all', stored({ status: 'False' }), false],
  ['one without a verdict', { ...stored({}), status: { conditions: [] } }, false],
  ['a policy that is gone', { ...stored({}), metadata: { namespace: 'a', name: 'gone' } }, false],
])('what was enforced everywhere before a restart: %s', (_, object, expected) => {
  expect(programmedBefore([object], snapshot, '1.2.3')).toEqual(expected ? [policy] : []);
});
