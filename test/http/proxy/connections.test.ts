import type { RequestListener } from 'node:http';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createConnections } from '../../../operator/http/proxy/connections.ts';
import type { CompiledPolicy, Upstream } from '../../../operator/policy/snapshot.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../../fixtures/certificates.ts';
import { until } from '../../fixtures/fake-clock.ts';
import { type LoopbackServer, startLoopbackServer } from '../../fixtures/loopback-server.ts';
import { type ScriptedUpstream, startHttpUpstream } from '../../fixtures/scripted-upstream.ts';
import { type Proxied, policyTo, startProxied } from './proxied.ts';

const plain: Upstream = { address: { host: '127.0.0.1', port: 1 }, host: 'h', path: '/' };
const policyOf = (name: string, upstream?: Upstream): CompiledPolicy =>
  ({ namespace: 'team-a', name, ...(upstream === undefined ? {} : { upstream }) }) as CompiledPolicy;

describe('whose connections are whose', () => {
  test('a policy keeps its own while its upstream stays the same', () => {
    const connections = createConnections();
    const agent = connections.agentFor(policyOf('x', plain), plain);
    expect(connections.agentFor(policyOf('x', plain), { ...plain })).toBe(agent);
    expect(connections.agentFor(policyOf('y', plain), plain)).not.toBe(agent);
    expect(connections.agentFor({ ...policyOf('x', plain), namespace: 'team-b' }, plain)).not.toBe(agent);
  });

  test.each<Partial<Upstream>>([
    { address: { host: '127.0.0.2', port: 1 } },
    { address: { host: '127.0.0.1', port: 2 } },
    { host: 'other' },
    { tls: { servername: 'a' } },
    { tls: { servername: 'a', caPem: 'b' } },
  ])('another upstream has others: %j', (change) => {
    const connections = createConnections();
    const agent = connections.agentFor(policyOf('x'), plain);
    expect(connections.agentFor(policyOf('x'), { ...plain, ...change })).not.toBe(agent);
  });

  test('connections of a policy that is gone, or has another upstream, are closed', async () => {
    const upstream = await startHttpUpstream((_, response) => response.end('x'));
    const policy = policyTo(upstream.port);
    const proxied = await startProxied(policy);
    await (await fetch(proxied.url)).text();
    proxied.proxy.keepOnly({ policies: new Map([['team-a/x', { ...policy, generation: 2 }]]) });
    expect(upstream.connections()).toBe(1);
    proxied.proxy.keepOnly({ policies: new Map([['team-a/x', policyTo(1)]]) });
    await until(() => upstream.connections() === 0);
    await (await fetch(proxied.url)).text();
    proxied.proxy.keepOnly({ policies: new Map() });
    await until(() => upstream.connections() === 0);
    await proxied.stop();
    await upstream.stop();
  });
});

describe('TLS', () => {
  let authority: CertificateAuthority;
  let other: CertificateAuthority;
  let server: LoopbackServer | undefined;
  let proxied: Proxied | undefined;
  const name = 'server.team-a.svc';

  beforeAll(async () => {
    [authority, other] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await proxied?.stop();
    await server?.stop();
  });

  async function startWith(
    {
      hosts = [name],
      caPem = authority.certificatePem,
      notAfter,
    }: { hosts?: string[]; caPem?: string | undefined; notAfter?: Date },
    listener: RequestListener = (request, response) => response.end(String(request.headers.host)),
  ): Promise<Response> {
    const certificate = await authority.issue({ hosts, ...(notAfter === undefined ? {} : { notAfter }) });
    server = await startLoopbackServer({ certificate, listener });
    const policy = policyTo(server.port);
    const upstream = {
      ...(policy.upstream as Upstream),
      tls: { servername: name, ...(caPem === 'public' ? {} : { caPem }) },
    };
    proxied = await startProxied({ ...policy, upstream });
    return await fetch(proxied.url);
  }

  test('a certificate of its name, by its authority', async () => {
    const answer = await startWith({});
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('server.team-a.svc:8080');
  });

  test('one connection serves requests one after the other', async () => {
    const seen = new Set<unknown>();
    await startWith({}, (request, response) => {
      seen.add(request.socket);
      response.end('x');
    });
    for (let round = 0; round < 3; round += 1) await (await fetch(proxied?.url ?? '')).text();
    expect(seen.size).toBe(1);
  });

  test.each([
    ['for another name', { hosts: ['server.team-b.svc'] }],
    ['for the address alone', { hosts: ['127.0.0.1'] }],
    ['that has expired', { notAfter: new Date('2021-01-01T00:00:00Z') }],
    ['that no public authority knows', { caPem: 'public' }],
    ['by another authority', { caPem: 'other' }],
    ['where no authority is trusted', { caPem: '' }],
  ])('a certificate %s: 502, whatever the environment says', async (_, how) => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { caPem } = how as { caPem?: string };
    let asked = false;
    const answer = await startWith(
      { ...how, ...(caPem === 'other' ? { caPem: other.certificatePem } : {}) },
      (__, response) => {
        asked = true;
        response.end();
      },
    );
    expect(answer.status).toBe(502);
    expect(asked).toBe(false);
    expect(proxied?.failures).toEqual(['tls']);
  });
});

test('a proxy in the environment is not asked', async () => {
  const elsewhere: ScriptedUpstream = await startHttpUpstream((_, response) => response.end('elsewhere'));
  for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])
    vi.stubEnv(name, `http://127.0.0.1:${elsewhere.port}`);
  vi.stubEnv('NODE_USE_ENV_PROXY', '1');
  vi.stubEnv('NO_PROXY', '');
  const upstream = await startHttpUpstream((_, response) => response.end('here'));
  const proxied = await startProxied(policyTo(upstream.port));
  expect(await (await fetch(proxied.url)).text()).toBe('here');
  expect(elsewhere.received()).toBe('');
  vi.unstubAllEnvs();
  await proxied.stop();
  await upstream.stop();
  await elsewhere.stop();
});
