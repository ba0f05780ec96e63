import { describe, expect, it } from 'vitest';
import { namedConfigMaps, namedServices } from '../../operator/policy/named-objects.ts';

function namesOf(spec: unknown, find = namedConfigMaps): readonly string[] {
  const metadata = { namespace: 'ns', name: 'p' };
  const named = find({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec });
  return named.map(({ namespace, name }) => `${namespace}/${name}`);
}

describe('namedConfigMaps', () => {
  it('finds both references, each ConfigMap once', () => {
    const spec = {
      caBundleRef: { name: 'ca', key: 'k' },
      jwks: { configMapRef: { name: 'keys.v1', key: 'k' } },
    };
    expect(namesOf(spec)).toEqual(['ns/ca', 'ns/keys.v1']);
    expect(namesOf({ caBundleRef: { name: 'x' }, jwks: { configMapRef: { name: 'x' } } })).toEqual(['ns/x']);
  });

  it.each<[string, unknown]>([
    ['no spec', undefined],
    ['null', null],
    ['a string', 'caBundleRef'],
    ['an array', [{ caBundleRef: { name: 'a' } }]],
    ['references of other types', { caBundleRef: 'a', jwks: ['a'] }],
    ['nulls', { caBundleRef: null, jwks: { configMapRef: null } }],
    ['names of other types', { caBundleRef: { name: 1 }, jwks: { configMapRef: { name: {} } } }],
    ['inherited members', Object.create({ caBundleRef: { name: 'a' } })],
    ['an empty name', { caBundleRef: { name: '' } }],
    [
      'a way out of the path',
      { caBundleRef: { name: '..' }, jwks: { configMapRef: { name: '../secrets/a' } } },
    ],
    ['a dot', { caBundleRef: { name: '.' } }],
    ['capitals', { caBundleRef: { name: 'CA' } }],
    ['a line break', { caBundleRef: { name: 'a\n' } }],
    ['a name too long', { caBundleRef: { name: 'a'.repeat(254) } }],
  ])('finds nothing in %s', (_, spec) => {
    expect(namesOf(spec)).toEqual([]);
  });

  it('never leaves the namespace of the policy', () => {
    expect(namesOf({ caBundleRef: { namespace: 'other', name: 'ca' } })).toEqual(['ns/ca']);
  });
});

describe('namedServices', () => {
  it('finds the upstream, and no ConfigMap', () => {
    const upstream = { service: { name: 'mcp', namespace: 'other', port: 80 } };
    expect(namesOf({ upstream, caBundleRef: { name: 'ca' } }, namedServices)).toEqual(['ns/mcp']);
    expect(namesOf({ upstream })).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['no spec', undefined],
    ['no Service', { upstream: {} }],
    ['a URL', { upstream: 'http://mcp' }],
    ['a Service that is a text', { upstream: { service: 'mcp' } }],
    ['a way out of the path', { upstream: { service: { name: '../../secrets/a' } } }],
    ['a name of another type', { upstream: { service: { name: ['mcp'] } } }],
  ])('finds nothing in %s', (_, spec) => {
    expect(namesOf(spec, namedServices)).toEqual([]);
  });
});
