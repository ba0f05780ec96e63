import { expect, test } from 'vitest';
import { type Compilation, compile } from '../../operator/policy/compile.ts';
import { noCluster, type ServiceAddressUse } from '../../operator/policy/inputs.ts';
import { decodeConfiguration, defaultDocument } from '../../operator/policy/operator-configuration.ts';

/** Three policies, of which one asks for a host of its own, and one is in front of a Service. */
function compileWith(change: object, serviceAddresses: ServiceAddressUse = 'only'): Compilation {
  const decoded = decodeConfiguration({
    ...defaultDocument,
    publicURL: 'https://mcp.example.com',
    ...change,
  });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const policy = (name: string, spec: object) => ({
    object: {
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { namespace: 'a', name, creationTimestamp: `2026-01-0${name === 'x' ? 1 : 2}T00:00:00Z` },
      spec: { issuer: 'https://idp.example.com', audience: `aud-${name}`, mode: 'OIDC', ...spec },
    },
  });
  return compile({
    policies: [
      policy('x', {}),
      policy('own', { resource: 'https://own.example.com/mcp' }),
      policy('front', { upstream: { service: { name: 'mcp', port: 80 } } }),
    ],
    configMaps: new Map(),
    services: new Map(),
    serviceAddresses,
    configuration: decoded.value,
    cluster: noCluster,
  });
}

const before = compileWith({});
const x = ({ snapshot }: Compilation) => snapshot.policies.get('a/x');
const refusals = ({ outcomes }: Compilation) =>
  Object.fromEntries(outcomes.map(({ name, refusal }) => [name, refusal?.reason]));

test.each<[field: string, change: object, look: (compilation: Compilation) => unknown, seen: unknown]>([
  [
    'publicURL',
    { publicURL: 'https://other.example.com' },
    (compilation) => [
      x(compilation)?.resource,
      x(compilation)?.metadataURL,
      compilation.snapshot.hosts.shared,
    ],
    [
      'https://other.example.com/a/x/mcp',
      'https://other.example.com/.well-known/oauth-protected-resource/a/x/mcp',
      [{ hostname: 'other.example.com', port: 443 }],
    ],
  ],
  [
    'additionalHosts',
    { additionalHosts: ['x.svc'] },
    ({ snapshot }) => snapshot.hosts.shared.map(({ hostname }) => hostname),
    ['mcp.example.com', 'x.svc'],
  ],
  [
    'allowedOrigins',
    { allowedOrigins: ['https://app.example.com'] },
    ({ snapshot }) => snapshot.allowedOrigins,
    ['https://app.example.com'],
  ],
  [
    'outbound',
    { outbound: { allow: [{ namespaces: ['a'], hosts: ['idp.example.com'], ports: [8443] }] } },
    (compilation) => x(compilation)?.verifier,
    expect.objectContaining({
      keySource: expect.objectContaining({
        outbound: [{ hosts: ['idp.example.com'], cidrs: [], ports: [8443] }],
      }),
    }),
  ],
  [
    'issuers',
    { issuers: [{ namespaces: ['b'], issuers: ['https://idp.example.com'] }] },
    (compilation) => refusals(compilation).x,
    'IssuerNotAllowed',
  ],
  [
    'resourceHosts',
    { resourceHosts: [{ namespaces: ['a'], hosts: ['own.example.com'] }] },
    (compilation) => [refusals(compilation).own, compilation.snapshot.hosts.own],
    [undefined, [{ hostname: 'own.example.com' }]],
  ],
  [
    'forbiddenAudiences',
    { forbiddenAudiences: ['aud-x'] },
    (compilation) => refusals(compilation).x,
    'AudienceForbidden',
  ],
  [
    'serviceAddresses',
    { serviceAddresses: { 'a/mcp:80': '127.0.0.1:3001' } },
    ({ snapshot }) => snapshot.policies.get('a/front')?.upstream,
    { address: { host: '127.0.0.1', port: 3001 }, host: '127.0.0.1:3001', path: '/mcp' },
  ],
  [
    'limits.maxTokenBytes',
    { limits: { maxTokenBytes: 2048 } },
    (compilation) => x(compilation)?.verifier,
    expect.objectContaining({ maxTokenBytes: 2048 }),
  ],
  [
    'limits.maxInFlightPerPolicy',
    { limits: { maxInFlightPerPolicy: 1 } },
    ({ snapshot }) => snapshot.shares.maxInFlightPerPolicy,
    1,
  ],
])('another %s is another snapshot, and has its effect', (_, change, look, seen) => {
  const after = compileWith(change);
  expect(look(before)).not.toEqual(seen);
  expect(look(after)).toEqual(seen);
  expect(after.snapshot.digest).not.toBe(before.snapshot.digest);
  expect(compileWith({}).snapshot.digest).toBe(before.snapshot.digest);
});

test('another limits.maxPoliciesPerNamespace refuses the newest', () => {
  const resourceHosts = [{ namespaces: ['a'], hosts: ['own.example.com'] }];
  const all = compileWith({ resourceHosts });
  const limited = compileWith({ resourceHosts, limits: { maxPoliciesPerNamespace: 1 } });
  expect(refusals(all)).toEqual({ x: undefined, own: undefined, front: undefined });
  expect(refusals(limited)).toEqual({ x: undefined, own: 'LimitExceeded', front: 'LimitExceeded' });
  expect(limited.snapshot.digest).not.toBe(all.snapshot.digest);
});

test.each([
  ['the interval of refreshes', { intervals: { keyRefresh: '1h' } }],
  ['an outbound entry of another namespace', { outbound: { allow: [{ namespaces: ['b'], hosts: ['x'] }] } }],
])('%s decides nothing about requests: the snapshot stays', (_, change) => {
  expect(compileWith(change).snapshot.digest).toBe(before.snapshot.digest);
});

test('in a cluster serviceAddresses have no effect', () => {
  const change = { serviceAddresses: { 'a/mcp:80': '127.0.0.1:3001' } };
  expect(compileWith(change, 'unused').snapshot.digest).toBe(compileWith({}, 'unused').snapshot.digest);
});
