import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock } from '../fixtures/fake-clock.ts';
import { FakeApiServer } from './fake-api-server.ts';

const object = '/api/v1/namespaces/ns/configmaps/a';

let authority: CertificateAuthority;
let server: FakeApiServer;
let directory: string;
const connections: KubeApi[] = [];

beforeAll(async () => {
  authority = await createCertificateAuthority();
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mcp-auth-kube-'));
  const { keyPem, certificatePem } = await authority.issue({ hosts: ['127.0.0.1', 'api.example'] });
  server = new FakeApiServer({ key: keyPem, cert: certificatePem });
  await server.start();
  server.store.put('configmaps', 'ns/a');
});

afterEach(async () => {
  for (const api of connections.splice(0)) {
    api.close();
  }
  await server.stop();
  await rm(directory, { recursive: true });
});

async function write(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

async function writeKubeconfig(user: object, cluster: object = {}): Promise<string> {
  const ca = Buffer.from(authority.certificatePem).toString('base64');
  return write(
    'kubeconfig',
    JSON.stringify({
      clusters: [
        { name: 'c', cluster: { server: server.url, 'certificate-authority-data': ca, ...cluster } },
      ],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
}

function connect(kubeconfig: string): KubeApi {
  const api = connectToCluster({ kubeconfig, clock: createFakeClock() });
  connections.push(api);
  return api;
}

const authorizations = (): readonly unknown[] => server.requests.map(({ headers }) => headers.authorization);

describe('connectToCluster', () => {
  it('presents the token and trusts the CA of the kubeconfig, over one connection', async () => {
    const api = connect(await writeKubeconfig({ token: 't1' }));
    await api.get(object);
    await api.get(object);
    expect(authorizations()).toEqual(['Bearer t1', 'Bearer t1']);
    expect(server.requests.map(({ connection }) => connection)).toEqual([1, 1]);
  });

  it('trusts no other CA', async () => {
    const other = await createCertificateAuthority();
    const ca = Buffer.from(other.certificatePem).toString('base64');
    const api = connect(await writeKubeconfig({ token: 't1' }, { 'certificate-authority-data': ca }));
    await expect(api.get(object)).rejects.toMatchObject({ code: 0, reason: 'TLSFailed' });
    expect(server.requests).toEqual([]);
  });

  it('checks the name of the server, or the one that the kubeconfig gives', async () => {
    const good = connect(await writeKubeconfig({ token: 't' }, { 'tls-server-name': 'api.example' }));
    await good.get(object);
    const bad = connect(await writeKubeconfig({ token: 't' }, { 'tls-server-name': 'other.example' }));
    await expect(bad.get(object)).rejects.toMatchObject({ code: 0, reason: 'TLSFailed' });
  });

  it('follows a CA file that changes', async () => {
    const other = await createCertificateAuthority();
    const file = await write('ca.pem', other.certificatePem);
    const changed = { 'certificate-authority-data': undefined, 'certificate-authority': file };
    const api = connect(await writeKubeconfig({ token: 't1' }, changed));
    await expect(api.get(object)).rejects.toMatchObject({ reason: 'TLSFailed' });
    await write('ca.pem', authority.certificatePem);
    await api.get(object);
  });

  it('reads the token file of a service account, which may end with a line break, and reads it again after a 401', async () => {
    const tokenFile = await write('token', 't1\n');
    const api = connect(
      await writeKubeconfig({ 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }),
    );
    await api.get(object);
    await write('token', 't2\n');
    server.failNext('get', { status: 401, reason: 'Unauthorized' });
    await expect(api.get(object)).rejects.toMatchObject({ code: 401 });
    await api.get(object);
    expect(authorizations()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  it('reads the file that tokenFile names, relative to the kubeconfig, as kubectl does', async () => {
    await write('token', 't1\n');
    const api = connect(await writeKubeconfig({ tokenFile: 'token', token: 'older' }));
    await api.get(object);
    await write('token', 't2\n');
    server.failNext('get', { status: 401, reason: 'Unauthorized' });
    await expect(api.get(object)).rejects.toMatchObject({ code: 401 });
    expect(await api.ownToken()).toBe('t2');
    await api.get(object);
    expect(authorizations()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  it('tells the token that it presents, and none where there is a certificate', async () => {
    expect(await connect(await writeKubeconfig({ token: 't1' })).ownToken()).toBe('t1');
    const { keyPem, certificatePem } = await authority.issue({ hosts: ['client.example'] });
    const [cert, key] = [certificatePem, keyPem].map((text) => Buffer.from(text).toString('base64'));
    const user = { 'client-certificate-data': cert, 'client-key-data': key };
    expect(await connect(await writeKubeconfig(user)).ownToken()).toBeUndefined();
    expect(server.requests).toEqual([]);
  });

  it('goes on with what it has while the kubeconfig is not there', async () => {
    const kubeconfig = await writeKubeconfig({ token: 't1' });
    const api = connect(kubeconfig);
    await rm(kubeconfig);
    server.failNext('get', { status: 401, reason: 'Unauthorized' });
    await expect(api.get(object)).rejects.toMatchObject({ code: 401 });
    await api.get(object);
    expect(authorizations()).toEqual(['Bearer t1', 'Bearer t1']);
  });

  it('runs a credential plugin', async () => {
    const credential = JSON.stringify({ kind: 'ExecCredential', status: { token: 't3' } });
    const exec = { command: process.execPath, args: ['-e', `console.log(${JSON.stringify(credential)})`] };
    await connect(await writeKubeconfig({ exec })).get(object);
    expect(authorizations()).toEqual(['Bearer t3']);
  });

  it('does not tell what a failing credential plugin said', async () => {
    const exec = { command: process.execPath, args: ['-e', 'console.error("hunter2"); process.exit(1)'] };
    const api = connect(await writeKubeconfig({ exec }));
    await expect(api.get(object)).rejects.toMatchObject({
      reason: 'CredentialsFailed',
      message: 'CredentialsFailed (Error)',
    });
  });

  it('presents a client certificate', async () => {
    const { keyPem, certificatePem } = await authority.issue({ hosts: ['client.example'] });
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const user = { 'client-certificate-data': base64(certificatePem), 'client-key-data': base64(keyPem) };
    await connect(await writeKubeconfig(user)).get(object);
    expect(server.requests[0]?.clientCertificate).toBe(new X509Certificate(certificatePem).fingerprint256);
  });

  it('refuses to send credentials without TLS', async () => {
    const kubeconfig = await writeKubeconfig({ token: 't1' }, { server: 'http://127.0.0.1:1' });
    expect(() => connect(kubeconfig)).toThrow('without TLS');
  });

  it.each([
    ['is not there', undefined, 'the kubeconfig cannot be read: ENOENT'],
    ['is not YAML', 'token: [hunter2', 'the kubeconfig cannot be read: YAMLException'],
    ['is empty', '', 'the kubeconfig cannot be read'],
    ['has no current context', '{"clusters": []}', 'no cluster is configured'],
  ])('says so when the kubeconfig %s', async (_, text, message) => {
    const file = text === undefined ? join(directory, 'none') : await write('kubeconfig', text);
    expect(() => connect(file)).toThrow(message);
    expect(() => connect(file)).not.toThrow('hunter2');
  });
});
