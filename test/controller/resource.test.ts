import { describe, expect, it } from 'vitest';
import {
  collectionPath,
  configMaps,
  leases,
  mcpAuthPolicies,
  objectPath,
  toStoredObject,
} from '../../operator/controller/resource.ts';

describe('paths', () => {
  it('name collections and objects', () => {
    expect(collectionPath(mcpAuthPolicies)).toBe('/apis/mcpauth.dev/v1alpha1/mcpauthpolicies');
    expect(collectionPath(configMaps, 'ns')).toBe('/api/v1/namespaces/ns/configmaps');
    expect(objectPath(configMaps, { namespace: 'n/s', name: 'a?b' })).toBe(
      '/api/v1/namespaces/n%2Fs/configmaps/a%3Fb',
    );
  });
});

describe('toStoredObject', () => {
  it('keeps of the metadata what somebody reads', () => {
    const metadata = {
      ...{ name: 'a', namespace: 'ns', uid: 'u', generation: 3, resourceVersion: '7' },
      creationTimestamp: '2026-01-01T00:00:00Z',
      deletionTimestamp: '2026-01-02T00:00:00Z',
    };
    const noise = {
      managedFields: [{}],
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    };
    const raw = {
      spec: { issuer: 'x' },
      status: { observedGeneration: -1 },
      metadata: { ...metadata, ...noise },
    };
    expect(toStoredObject(raw, mcpAuthPolicies)).toEqual({
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata,
      spec: { issuer: 'x' },
      status: { observedGeneration: -1 },
    });
  });

  it('keeps our own annotations, and no others, where a resource asks for them', () => {
    const annotations = { 'mcpauth.dev/a': '1', 'mcpauth.dev/b': 2, 'other.dev/a': '3' };
    const metadata = { name: 'a', namespace: 'ns', resourceVersion: '7' };
    expect(toStoredObject({ metadata: { ...metadata, annotations } }, leases)?.metadata).toEqual({
      ...metadata,
      annotations: { 'mcpauth.dev/a': '1' },
    });
    expect(toStoredObject({ metadata }, leases)?.metadata).toEqual({ ...metadata, annotations: {} });
  });

  it.each([
    ['nothing', undefined],
    ['an array', []],
    ['no metadata', {}],
    ['no name', { metadata: { namespace: 'ns', resourceVersion: '1' } }],
    ['no namespace', { metadata: { name: 'a', resourceVersion: '1' } }],
    ['no version', { metadata: { name: 'a', namespace: 'ns' } }],
    ['a number for a name', { metadata: { name: 1, namespace: 'ns', resourceVersion: '1' } }],
  ])('refuses %s', (_, raw) => {
    expect(toStoredObject(raw, mcpAuthPolicies)).toBeUndefined();
  });
});
