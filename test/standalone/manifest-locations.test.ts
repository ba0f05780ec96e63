import { describe, expect, test } from 'vitest';
import { nameRule, policy, read } from './sample-manifests.ts';

const object = 'apiVersion: mcpauth.dev/v1alpha1\nkind: McpAuthPolicy\n';

describe('where a field is written', () => {
  const text = `# the first line

apiVersion: v1
kind: List
items:
- apiVersion: mcpauth.dev/v1alpha1
  kind: McpAuthPolicy
  metadata:
    name: one
  spec:
    issuer: https://idp.example.com
    requiredClaims:
    - claim: groups
      values: [a,
        b]
    - { claim: x.y,
        values: [] }
    a.b[0]: odd
---
${policy('two')}`;

  test.each([
    ['default/one', 'spec', 10],
    ['default/one', 'spec.issuer', 11],
    ['default/one', 'spec.requiredClaims', 12],
    ['default/one', 'spec.requiredClaims[0]', 13],
    ['default/one', 'spec.requiredClaims[0].values', 14],
    ['default/one', 'spec.requiredClaims[0].values[1]', 15],
    ['default/one', 'spec.requiredClaims[1].values', 17],
    ['default/one', 'spec.a.b[0]', 18],
    ['default/one', 'metadata.name', 9],
    ['default/one', '', 6],
    ['team-a/two', 'spec.mode', 23],
    ['team-a/two', '', 20],
  ])('%s %s', (key, field, line) => {
    expect(read(text).manifests.locate(key, field)).toEqual({ file: 'a.yaml', line });
  });

  test.each([
    ['spec.audience', 10],
    ['spec.requiredClaims[1].other[3].x', 16],
    ['spec.requiredClaims[9].claim', 12],
    ['status.conditions', 6],
  ])('%s is missing: the nearest field above', (field, line) => {
    expect(read(text).manifests.locate('default/one', field)).toEqual({ file: 'a.yaml', line });
  });

  test('an unknown policy is nowhere', () => {
    expect(read(text).manifests.locate('default/two', 'spec')).toBeUndefined();
  });

  test('in files with a byte order mark and CRLF', () => {
    const { locate } = read(`\ufeff${policy('one').replaceAll('\n', '\r\n')}`).manifests;
    expect(locate('team-a/one', 'spec')).toEqual({ file: 'a.yaml', line: 4 });
  });

  test('in JSON', () => {
    const json = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'X' } }, null, 2);
    expect(read(json).problems).toEqual([`a.yaml:5: metadata.name: "X" is not a name: ${nameRule}`]);
  });

  test('behind an alias it is the alias', () => {
    const text = `${object}metadata: &m\n  name: one\nspec:\n  issuer: &i x\n  audience: *i\n  jwks: *m\n`;
    const { locate } = read(text).manifests;
    expect(locate('default/one', 'spec.audience')?.line).toBe(7);
    expect(locate('default/one', 'spec.jwks.name')?.line).toBe(8);
  });
});
