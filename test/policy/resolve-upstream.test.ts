import { describe, expect, test } from 'vitest';
import type { ServiceAddressUse } from '../../operator/policy/inputs.ts';
import { decodeConfiguration, defaultDocument } from '../../operator/policy/operator-configuration.ts';
import { readService } from '../../operator/policy/read-service.ts';
import { type ResolvedUpstream, resolveUpstream } from '../../operator/policy/resolve-upstream.ts';

const good = { clusterIP: '10.96.0.10', selector: { app: 'mcp' }, ports: [{ port: 80 }] };

/** What becomes of `service: { name: mcp, port: 80 }` in namespace `a`. */
function resolve(
  spec: object | undefined,
  serviceAddresses: ServiceAddressUse,
  written: Readonly<Record<string, string>> = {},
): ResolvedUpstream {
  const decoded = decodeConfiguration({ ...defaultDocument, serviceAddresses: written });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const services = new Map(spec === undefined ? [] : [['a/mcp', readService(spec)]]);
  return resolveUpstream({
    ref: { name: 'mcp', port: 80, path: '/mcp' },
    namespace: 'a',
    inputs: { services, serviceAddresses, configuration: decoded.value },
  });
}

const findingOf = (resolved: ResolvedUpstream) => (resolved.ok ? undefined : resolved.finding);
const addressOf = (resolved: ResolvedUpstream) => (resolved.ok ? resolved.upstream.address : undefined);

describe('in a cluster', () => {
  test('a Service that is not there is said to be missing, without a word about the configuration', () => {
    expect(findingOf(resolve(undefined, 'unused', { 'a/mcp:80': '127.0.0.1:1' }))).toEqual({
      reason: 'RefNotFound',
      message: 'spec.upstream.service.name: Service mcp was not found in this namespace.',
      field: 'spec.upstream.service.name',
    });
  });

  test('the ClusterIP is dialled, whatever the configuration says', () => {
    const resolved = resolve(good, 'unused', { 'a/mcp:80': '127.0.0.1:1' });
    expect(addressOf(resolved)).toEqual({ host: '10.96.0.10', port: 80 });
  });

  test.each([
    ['10.96.0.10', 'mcp.a.svc'],
    ['127.96.0.10', '127.96.0.10'],
    ['::1', '[::1]'],
  ])('the server at %s is called by the name %s', (clusterIP, host) => {
    const resolved = resolve({ ...good, clusterIP }, 'unused');
    expect(resolved.ok && resolved.upstream.host).toBe(host);
  });

  test.each<[what: string, change: object, message: RegExp]>([
    ['without a type that has one', { type: 'ExternalName', externalName: 'b.example.com' }, /ExternalName/],
    ['that is headless', { clusterIP: 'None' }, /headless/],
    ['without a ClusterIP', { clusterIP: undefined }, /no ClusterIP/],
    ['with an empty ClusterIP', { clusterIP: '' }, /no ClusterIP/],
    ['with a name for a ClusterIP', { clusterIP: 'mcp.b.svc' }, /no ClusterIP/],
    ['with a ClusterIP in brackets', { clusterIP: '[::1]' }, /no ClusterIP/],
    ['with an IPv4 address written as IPv6', { clusterIP: '::ffff:10.0.0.1' }, /no ClusterIP/],
    ['without a selector', { selector: undefined }, /no selector/],
    ['with null for a selector', { selector: null }, /no selector/],
    ['without the port', { ports: [{ port: 8080 }] }, /no port 80/],
    ['whose port is a text', { ports: [{ port: '80' }] }, /no port 80/],
    ['whose port is for SCTP', { ports: [{ port: 80, protocol: 'SCTP' }] }, /TCP/],
    [
      'whose port is for secure WebSockets',
      { ports: [{ port: 80, appProtocol: 'kubernetes.io/wss' }] },
      /http/,
    ],
    ['whose appProtocol is no text', { ports: [{ port: 80, appProtocol: 443 }] }, /http/],
  ])('a Service %s is refused', (_, change, message) => {
    expect(findingOf(resolve({ ...good, ...change }, 'unused'))).toMatchObject({
      reason: 'InvalidRef',
      message: expect.stringMatching(message),
      field: expect.stringMatching(/^spec\.upstream\.service\.(name|port)$/),
    });
  });

  test.each([undefined, null, 'http', 'kubernetes.io/ws', 'mcp', 'kgateway.dev/mcp'])(
    'appProtocol %s is plain HTTP',
    (appProtocol) => {
      const resolved = resolve({ ...good, ports: [{ port: 80, appProtocol }] }, 'unused');
      expect(resolved).toEqual({
        ok: true,
        upstream: { address: { host: '10.96.0.10', port: 80 }, host: 'mcp.a.svc', path: '/mcp' },
      });
    },
  );

  test('https at port 80 is TLS, with the port in the Host header', () => {
    const resolved = resolve({ ...good, ports: [{ port: 80, appProtocol: 'https' }] }, 'unused');
    expect(resolved).toMatchObject({
      upstream: { host: 'mcp.a.svc:80', tls: { servername: 'mcp.a.svc' } },
    });
  });

  test('of two entries for one number the one for TCP counts', () => {
    const ports = [
      { port: 80, protocol: 'UDP', appProtocol: 'grpc' },
      { port: 80, protocol: 'TCP', appProtocol: 'https' },
    ];
    expect(resolve({ ...good, ports }, 'unused')).toMatchObject({ upstream: { tls: {} } });
  });
});

describe('for a folder that is served', () => {
  test('only what the administrator wrote is dialled: the author of a manifest cannot choose an address', () => {
    expect(findingOf(resolve(good, 'only'))).toMatchObject({
      reason: 'RefNotFound',
      message: expect.stringContaining('add serviceAddresses["a/mcp:80"]'),
    });
    expect(findingOf(resolve(undefined, 'only'))).toMatchObject({ reason: 'RefNotFound' });
    expect(addressOf(resolve(good, 'only', { 'a/mcp:80': 'localhost:3001' }))).toEqual({
      host: 'localhost',
      port: 3001,
    });
  });

  test('the entry of another port, or another namespace, does not count', () => {
    const written = { 'a/mcp:81': '127.0.0.1:1', 'b/mcp:80': '127.0.0.1:2' };
    expect(findingOf(resolve(undefined, 'only', written))).toMatchObject({ reason: 'RefNotFound' });
  });

  test('a Service of the manifests is judged as a cluster would, and says whether it is TLS', () => {
    const written = { 'a/mcp:80': '127.0.0.1:3001' };
    expect(findingOf(resolve({ ...good, clusterIP: 'None' }, 'only', written))).toMatchObject({
      reason: 'InvalidRef',
    });
    expect(resolve({ ...good, ports: [{ port: 80, appProtocol: 'https' }] }, 'only', written)).toMatchObject({
      upstream: { host: '127.0.0.1:3001', tls: { servername: 'mcp.a.svc' } },
    });
  });
});
