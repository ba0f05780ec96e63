import { describe, expect, test } from 'vitest';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';

const base = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'OperatorConfiguration' };

test('defaults', () => {
  expect(decodeConfiguration(base)).toEqual({
    ok: true,
    value: {
      ...base,
      additionalHosts: [],
      allowedOrigins: [],
      outbound: { allow: [] },
      issuers: [],
      clusterIssuer: false,
      resourceHosts: [],
      forbiddenAudiences: [],
      serviceAddresses: {},
      limits: {
        maxTokenBytes: 8192,
        maxPoliciesPerNamespace: 1000,
        maxReferencedBytesPerNamespace: 4_194_304,
        maxInFlightPerPolicy: 1000,
        maxStreamsPerPolicy: 500,
        maxInspectedBytes: 4_194_304,
        maxInspectedBytesPerPolicy: 33_554_432,
        maxInspectedBytesPerNamespace: 67_108_864,
        maxInspectedBytesInAll: 134_217_728,
      },
      metrics: { byPolicy: false },
      accessLog: { admittedOneIn: 100 },
      intervals: { keyRefresh: '5m', lameDuck: '5s', upstreamPatience: '60s' },
    },
  });
});

describe('good', () => {
  test.each([
    [{ publicURL: 'https://mcp.example.com' }],
    [{ publicURL: 'https://mcp.example.com:8443/base' }],
    [{ publicURL: 'http://127.0.0.1:8080' }],
    [{ publicURL: 'http://[::1]:8080' }],
    [{ additionalHosts: ['a.b', 'localhost:8080', '[::1]:8080'] }],
    [{ outbound: { allow: [{ namespaces: ['*'], hosts: ['*', '*.corp.example', '127.0.0.1'] }] } }],
    [
      {
        outbound: {
          allow: [{ namespaces: ['a'], hosts: ['x'], cidrs: ['10.0.0.0/8', 'fd00::/8'], ports: [1, 65535] }],
        },
      },
    ],
    [{ outbound: null }],
    [
      {
        resourceHosts: [
          { namespaces: ['a', 'b'], hosts: ['h:1', 'h:2'] },
          { namespaces: ['c'], hosts: ['h:1'] },
        ],
      },
    ],
    [{ serviceAddresses: { 'a/mcp:80': '127.0.0.1:3001' } }],
    [{ intervals: { keyRefresh: '1h30m' } }],
  ])('%j', (change) => {
    expect(decodeConfiguration({ ...base, ...change })).toMatchObject({ ok: true });
  });

  test('a trailing slash of publicURL is no part of it', () => {
    const decoded = decodeConfiguration({ ...base, publicURL: 'https://mcp.example.com/' });
    expect(decoded).toMatchObject({ ok: true, value: { publicURL: 'https://mcp.example.com' } });
  });
});

describe('bad, with the field named', () => {
  test.each([
    [{ kind: 'McpAuthPolicy' }, 'kind'],
    [{ publicUrl: 'https://mcp.example.com' }, 'publicUrl'],
    [{ publicURL: 'http://mcp.example.com' }, 'publicURL'],
    [{ publicURL: 'https://MCP.example.com' }, 'publicURL'],
    [{ publicURL: 'https://mcp.example.com/?x' }, 'publicURL'],
    [{ publicURL: 'https://user@mcp.example.com' }, 'publicURL'],
    [{ additionalHosts: ['https://x'] }, 'additionalHosts[0]'],
    [{ additionalHosts: ['x:99999'] }, 'additionalHosts[0]'],
    [
      {
        resourceHosts: [
          { namespaces: ['a'], hosts: ['h.example.com'] },
          { namespaces: ['b'], hosts: ['h.example.com:8443'] },
        ],
      },
      'resourceHosts[1].hosts[0]',
    ],
    [{ allowedOrigins: ['app.example.com'] }, 'allowedOrigins[0]'],
    [{ allowedOrigins: ['https://app.example.com/'] }, 'allowedOrigins[0]'],
    [{ allowedOrigins: ['*'] }, 'allowedOrigins[0]'],
    [{ outbound: { allow: [{ hosts: ['x'] }] } }, 'outbound.allow[0].namespaces'],
    [{ outbound: { allow: [{ namespaces: [], hosts: ['x'] }] } }, 'outbound.allow[0].namespaces'],
    [{ outbound: { allow: [{ namespaces: ['*'], hosts: ['a*b'] }] } }, 'outbound.allow[0].hosts[0]'],
    [
      { outbound: { allow: [{ namespaces: ['*'], hosts: ['x'], cidrs: ['10.0.0.0'] }] } },
      'outbound.allow[0].cidrs[0]',
    ],
    [
      { outbound: { allow: [{ namespaces: ['*'], hosts: ['x'], cidrs: ['10.0.0.256/8'] }] } },
      'outbound.allow[0].cidrs[0]',
    ],
    [
      { outbound: { allow: [{ namespaces: ['*'], hosts: ['x'], cidrs: ['10.0.0.0/33'] }] } },
      'outbound.allow[0].cidrs[0]',
    ],
    [
      { outbound: { allow: [{ namespaces: ['*'], hosts: ['x'], cidrs: ['10.1.0.0/16', '010.0.0.0/8'] }] } },
      'outbound.allow[0].cidrs[1]',
    ],
    [
      { outbound: { allow: [{ namespaces: ['*'], hosts: ['x'], ports: [0] }] } },
      'outbound.allow[0].ports[0]',
    ],
    [{ issuers: [{ namespaces: ['*'], issuers: ['http://x'] }] }, 'issuers[0].issuers[0]'],
    [{ clusterIssuer: 'no' }, 'clusterIssuer'],
    [{ limits: { maxTokenBytes: 1 } }, 'limits.maxTokenBytes'],
    [{ limits: { maxTokens: 1 } }, 'limits.maxTokens'],
    [{ intervals: { keyRefresh: '1s' } }, 'intervals.keyRefresh'],
    [{ intervals: { keyRefresh: '13h' } }, 'intervals.keyRefresh'],
    [{ intervals: { keyRefresh: '' } }, 'intervals.keyRefresh'],
    [{ serviceAddresses: { mcp: '127.0.0.1:1' } }, 'serviceAddresses["mcp"]'],
    [
      {
        publicURL: 'https://mcp.example.com',
        resourceHosts: [{ namespaces: ['a'], hosts: ['mcp.example.com:8443'] }],
      },
      'resourceHosts[0].hosts[0]',
    ],
    [
      { additionalHosts: ['x.svc'], resourceHosts: [{ namespaces: ['a'], hosts: ['x.svc'] }] },
      'resourceHosts[0].hosts[0]',
    ],
  ])('%j', (change, path) => {
    const decoded = decodeConfiguration({ ...base, ...change });
    expect(decoded.ok ? [] : decoded.errors.map((error) => error.path)).toEqual([path]);
  });

  test.each([[null], ['text'], [[]], [7]])('%j', (document) => {
    expect(decodeConfiguration(document)).toMatchObject({ ok: false });
  });
});
