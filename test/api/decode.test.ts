import { describe, expect, it } from 'vitest';
import { decodePolicySpec } from '../../operator/api/decode.ts';
import type { Decoded } from '../../operator/api/field-error.ts';
import type { McpAuthPolicySpec } from '../../operator/api/mcp-auth-policy.gen.ts';
import { policyCases } from './policies.cases.ts';

const least = { issuer: 'https://idp.example.com', audience: 'app', mode: 'OIDC' };

describe('decodePolicySpec', () => {
  it.each(policyCases)('$name', ({ spec, errors }) => {
    const decoded = decode(spec);
    const found = decoded.ok ? [] : decoded.errors;
    expect(new Set(found.map(({ path }) => path))).toEqual(new Set(Object.keys(errors)));
    for (const [path, fragment] of Object.entries(errors)) {
      expect(found).toContainEqual({ path, message: expect.stringContaining(fragment) });
    }
  });

  it('has a table in which each name is there once', () => {
    const names = policyCases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('fills in what is left out, and nothing that the schema does not say', () => {
    expect(accept(least)).toEqual({
      ...least,
      algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA', 'Ed25519'],
      clockSkew: '60s',
      tokenType: 'AccessToken',
    });
  });

  it('fills in defaults of inner objects', () => {
    const upstream = { service: { name: 'server', port: 80 } };
    expect(accept({ ...least, upstream }).upstream).toEqual({
      service: { name: 'server', port: 80, path: '/mcp' },
    });
  });

  it('gives a copy that is frozen to the ground', () => {
    const given = {
      ...least,
      requiredClaims: [{ claim: 'groups', values: ['admins'] }],
      algorithms: ['RS256'],
    };
    const before = structuredClone(given);
    const value = accept(given);
    given.requiredClaims[0]?.values.push('everybody');
    given.algorithms[0] = 'none';
    expect(value).toMatchObject(before);
    expect(everyObjectIn(value).filter((object) => !Object.isFrozen(object))).toEqual([]);
    expect(everyObjectIn(accept(least)).filter((object) => !Object.isFrozen(object))).toEqual([]);
  });

  it('does not take members of a prototype', () => {
    const spec = Object.assign(Object.create({ mode: 'OIDC' }), { issuer: 'https://a', audience: 'a' });
    expect(decode(spec)).toMatchObject({ ok: false, errors: [{ path: 'spec.mode' }] });
  });

  it('does not take the holes of a sparse list for items', () => {
    expect(decode({ ...least, algorithms: Array(1) })).toMatchObject({
      errors: [{ path: 'spec.algorithms[0]' }],
    });
  });

  it('tells at most 20 errors', () => {
    const unknown = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [`member${index}`, index]),
    );
    const decoded = decode({ ...least, ...unknown });
    expect(decoded.ok ? [] : decoded.errors).toHaveLength(20);
    const scopes = Array.from({ length: 32 }, () => ({ names: ['a'], scopes: ['offline_access'] }));
    const byRules = decode({ ...least, tools: scopes });
    expect(byRules.ok ? [] : byRules.errors).toHaveLength(20);
  });

  it('keeps names that a tenant chose short and on one line', () => {
    const decoded = decode({ ...least, [`a\nb${'c'.repeat(100_000)}`]: 1, 'd.e': 1 });
    const paths = decoded.ok ? [] : decoded.errors.map(({ path }) => path);
    expect(paths).toEqual([`spec["a\\nb${'c'.repeat(61)}…"]`, 'spec["d.e"]']);
  });

  it('does not look into what is too long', () => {
    const immense = 'a'.repeat(100_000_000);
    const many = new Proxy(new Array(1_000_000), {
      get(list, name) {
        if (/^[0-9]+$/.test(String(name))) throw new Error('was looked into');
        return Reflect.get(list, name);
      },
    });
    const decoded = decode({ ...least, audience: immense, requiredClaims: many });
    expect(decoded.ok ? [] : decoded.errors.map(({ path }) => path)).toEqual([
      'spec.audience',
      'spec.requiredClaims',
    ]);
  });
});

function decode(spec: unknown): Decoded<McpAuthPolicySpec> {
  return decodePolicySpec({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'McpAuthPolicy',
    metadata: { name: 'a', namespace: 'b' },
    spec,
  });
}

function accept(spec: unknown): McpAuthPolicySpec {
  const decoded = decode(spec);
  if (!decoded.ok) {
    throw new Error(JSON.stringify(decoded.errors));
  }
  return decoded.value;
}

function everyObjectIn(value: unknown): readonly object[] {
  return typeof value === 'object' && value !== null
    ? [value, ...Object.values(value).flatMap(everyObjectIn)]
    : [];
}
