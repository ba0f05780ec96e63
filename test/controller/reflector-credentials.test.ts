import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { type Reflector, startReflector } from '../../operator/controller/reflector.ts';
import { mcpAuthPolicies } from '../../operator/controller/resource.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  type ServerCertificate,
} from '../fixtures/certificates.ts';
import { createFakeClock, type FakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { FakeApiServer } from './fake-api-server.ts';
import { plural, sitOut } from './reflector-bench.ts';

let authority: CertificateAuthority;
let next: CertificateAuthority;
let directory: string;
let server: FakeApiServer;
let clock: FakeClock;
let api: KubeApi;
let reflector: Reflector;
const log = recordLog();

beforeAll(async () => {
  authority = await createCertificateAuthority();
  next = await createCertificateAuthority();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mcp-auth-reflector-'));
  server = new FakeApiServer(toTls(await authority.issue({ hosts: ['127.0.0.1'] })));
  await server.start();
  clock = createFakeClock();
});

afterEach(async () => {
  await reflector?.stop();
  api?.close();
  await server.stop();
  await rm(directory, { recursive: true });
});

const toTls = ({ keyPem, certificatePem }: ServerCertificate): { key: string; cert: string } => ({
  key: keyPem,
  cert: certificatePem,
});

const write = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);

async function writeKubeconfig(cluster: object): Promise<void> {
  await write(
    'kubeconfig',
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: server.url, ...cluster } }],
      users: [{ name: 'u', user: { tokenFile: 'token' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
}

/** Starts with the token `t1`, the only good one. */
async function startWith(cluster: object): Promise<void> {
  await write('token', 't1\n');
  server.acceptedToken = 't1';
  await writeKubeconfig(cluster);
  api = connectToCluster({ kubeconfig: join(directory, 'kubeconfig'), clock });
  const given = { api, resource: mcpAuthPolicies, clock, random: () => 0, log };
  reflector = startReflector({ ...given, onChange: () => undefined });
  await until(() => server.openWatches === 1);
  clock.advance(2000);
}

const inline = ({ certificatePem }: CertificateAuthority): object => ({
  'certificate-authority-data': Buffer.from(certificatePem).toString('base64'),
});

async function expectToFollow(): Promise<void> {
  await until(() => server.openWatches === 1);
  server.store.put(plural, 'ns/after');
  await until(() => reflector.get('ns/after') !== undefined);
}

it('a token that was replaced in its file is found after a 401', async () => {
  await startWith(inline(authority));
  await write('token', 't2\n');
  server.acceptedToken = 't2';
  server.breakWatches('end');
  server.store.put(plural, 'ns/meanwhile');
  expect(await sitOut({ clock }, reflector, 1)).toEqual([800]);
  await until(() => reflector.get('ns/meanwhile') !== undefined);
  await expectToFollow();
  expect(server.requestsOf('watch').map(({ headers }) => headers.authorization)).toEqual([
    'Bearer t1',
    'Bearer t1',
    'Bearer t2',
  ]);
  expect(server.requestsOf('list')).toHaveLength(1);
});

it('a token that comes late is waited for, ever more patiently, and what is known stays', async () => {
  server.store.put(plural, 'ns/before');
  await startWith(inline(authority));
  server.acceptedToken = 't2';
  server.breakWatches('fin');
  // The cut, three on the same version, and then lists.
  expect(await sitOut({ clock }, reflector, 7)).toEqual([800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  expect([...reflector.snapshot().keys()]).toEqual(['ns/before']);
  await write('token', 't2\n');
  await sitOut({ clock }, reflector, 1);
  await expectToFollow();
});

it('a token file that is away for a while is a failure like any other', async () => {
  await startWith(inline(authority));
  await rm(join(directory, 'token'));
  server.acceptedToken = 't2';
  server.breakWatches('end');
  await sitOut({ clock }, reflector, 1);
  await until(() => reflector.state().kind === 'waiting');
  expect(reflector.state()).toMatchObject({ error: { code: 0, reason: 'CredentialsFailed' } });
  await sitOut({ clock }, reflector, 2);
  await write('token', 't2\n');
  await sitOut({ clock }, reflector, 1);
  await expectToFollow();
});

it.each(['of a file', 'in the kubeconfig'])('a CA %s that was replaced is found', async (place) => {
  const isFile = place === 'of a file';
  const describeCluster = (ca: CertificateAuthority): object =>
    isFile ? { 'certificate-authority': 'ca.pem' } : inline(ca);
  await write('ca.pem', authority.certificatePem);
  await startWith(describeCluster(authority));
  server.useCertificate(toTls(await next.issue({ hosts: ['127.0.0.1'] })));
  server.breakWatches('end');
  await until(() => reflector.state().kind === 'waiting');
  expect(reflector.state()).toMatchObject({ error: { code: 0, reason: 'TLSFailed' } });
  const requests = server.requests.length;
  await write('ca.pem', next.certificatePem);
  await writeKubeconfig(describeCluster(next));
  // The one that failed was sent nothing; the next may still be of the old CA.
  await sitOut({ clock }, reflector, isFile ? 1 : 2);
  await expectToFollow();
  expect(server.requests.length).toBe(requests + 1);
});
