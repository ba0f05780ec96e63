import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pickPorts } from '../cluster/loopback-ports.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../fixtures/certificates.ts';
import { startOpenIdProvider } from '../fixtures/openid-provider.ts';
import { readScrape, type Scrape } from '../fixtures/scrape.ts';
import { createTrustingFetch } from '../fixtures/trusting-fetch.ts';
import { post } from './callers.ts';
import { operatorConfiguration } from './deployment.ts';
import { eventually } from './eventually.ts';
import { type OperatorProcess, startOperatorProcess } from './operator-process.ts';

const entry = join(import.meta.dirname, '../../operator/main.ts');

let folder: string;
let policies: string;
let ca: CertificateAuthority;
let operator: OperatorProcess | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-auth-start-'));
  policies = mkdtempSync(join(folder, 'policies-'));
  ca = await createCertificateAuthority();
});

afterEach(async () => {
  await operator?.stop();
  operator = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function scrape({ adminURL }: OperatorProcess): Promise<Scrape> {
  return readScrape(await (await fetch(`${adminURL}/metrics`)).text());
}

function writePolicy(file: string, spec: object): void {
  const metadata = { name: 'x', namespace: 'team-a' };
  const object = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec };
  writeFileSync(join(policies, file), JSON.stringify(object));
}

function writeCa(): void {
  const metadata = { name: 'issuer-ca', namespace: 'team-a' };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': ca.certificatePem } };
  writeFileSync(join(policies, 'issuer-ca.json'), JSON.stringify(object));
}

test('an issuer that is away at the start: 503, then 200 when it comes, without a restart', async () => {
  const provider = await startOpenIdProvider({ ca });
  const token = await provider.token({ resource: 'https://audience.example.com' });
  await provider.stop();
  writeCa();
  const caBundleRef = { name: 'issuer-ca', key: 'ca.crt' };
  writePolicy('x.json', {
    issuer: provider.issuer,
    audience: 'https://audience.example.com',
    mode: 'OIDC',
    caBundleRef,
  });
  const configFile = join(folder, 'configuration.yaml');
  writeFileSync(configFile, operatorConfiguration([Number(new URL(provider.issuer).port)]));
  operator = await startOperatorProcess('serve', ['--policies', policies, '--config', configFile]);
  const resource = `${operator.publicURL}/team-a/x/mcp`;
  expect((await post(resource, token)).status).toBe(503);
  expect((await post(resource)).status).toBe(401);
  await provider.restart();
  await eventually(
    'the good token is let in',
    () => post(resource, token),
    ({ status }) => status === 200,
  );
  const { read } = await scrape(operator);
  expect(read('mcp_auth_key_sources{state="held"}')).toBe(1);
  expect(read('mcp_auth_key_fetches_total{result="loaded"}')).toBeGreaterThan(0);
  expect(read('mcp_auth_key_fetches_total{result="HTTPError"}')).toBeGreaterThan(0);
  await provider.stop();
});

test('nothing configured: nothing is answered with 200, and the status says why', async () => {
  writePolicy('x.json', { issuer: 'https://idp.example.com', audience: 'a', mode: 'OIDC' });
  operator = await startOperatorProcess('serve', ['--policies', policies], { publicURL: null });
  const { publicURL, adminURL } = operator;
  for (const path of [
    '/',
    '/team-a/x/mcp',
    '/.well-known/oauth-protected-resource/team-a/x/mcp',
    '/healthz',
    '/policies',
  ]) {
    expect((await fetch(`${publicURL}${path}`)).status).toBe(421);
  }
  const [policy] = (await (await fetch(`${adminURL}/policies`)).json()) as {
    status: { conditions: { reason: string }[] };
  }[];
  expect(policy?.status.conditions[0]?.reason).toBe('ResourceNotAllowed');
});

test('a bad file is reported with file, line and field while the rest is served', async () => {
  writePolicy('good.json', { issuer: 'https://idp.example.com', audience: 'a', mode: 'TokenReview' });
  writeFileSync(join(policies, 'broken.yaml'), 'apiVersion: v1\nkind: [\n');
  writeFileSync(
    join(policies, 'wrong.yaml'),
    'apiVersion: mcpauth.dev/v1alpha1\nkind: McpAuthPolicy\nmetadata:\n  name: wrong\n  namespace: team-a\nspec:\n  issuer: http://idp.example.com\n  audience: a\n  mode: OIDC\n',
  );
  operator = await startOperatorProcess('serve', ['--policies', policies]);
  expect(operator.log()).toMatch(/broken\.yaml:\d+: /);
  expect(operator.log()).toMatch(/wrong\.yaml:7: team-a\/wrong: Invalid: spec\.issuer: /);
  expect((await post(`${operator.publicURL}/team-a/x/mcp`)).status).toBe(503);
  expect((await post(`${operator.publicURL}/team-a/wrong/mcp`)).status).toBe(503);
});

test('decisions are counted', async () => {
  writePolicy('x.json', { issuer: 'https://idp.example.com', audience: 'a', mode: 'TokenReview' });
  operator = await startOperatorProcess('serve', ['--policies', policies]);
  await post(`${operator.publicURL}/team-a/x/mcp`);
  await post(`${operator.publicURL}/nowhere`);
  const metrics = await (await fetch(`${operator.adminURL}/metrics`)).text();
  expect(metrics).toContain('mcp_auth_decisions_total{mode="deny",reason="policy_denies"} 1');
  expect(metrics).toContain('mcp_auth_decisions_total{mode="none",reason="path_not_found"} 1');
  expect(metrics).toContain('mcp_auth_policies{state="refused"} 1');
});

test('the snapshot in force is the only one that a scrape shows', async () => {
  const spec = { issuer: 'https://idp.example.com', audience: 'a', mode: 'TokenReview' };
  writePolicy('x.json', spec);
  operator = await startOperatorProcess('serve', ['--policies', policies]);
  const { adminURL } = operator;
  const seen = async (): Promise<string[]> => {
    const { series } = readScrape(await (await fetch(`${adminURL}/metrics`)).text());
    return series
      .filter(({ name }) => name === 'mcp_auth_snapshot_info')
      .map(({ labels }) => `${labels.digest}`);
  };
  const before = await seen();
  expect(before).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
  writePolicy('x.json', { ...spec, audience: 'b', mode: 'OIDC' });
  const after = await eventually('another snapshot', seen, (digests) => digests[0] !== before[0]);
  expect(after).toHaveLength(1);
  const { read } = await scrape(operator);
  expect(read('mcp_auth_snapshot_timestamp_seconds')).toBeGreaterThan(0);
  expect(read('controller_runtime_reconcile_total{controller="snapshot",result="success"}')).toBeGreaterThan(
    1,
  );
  expect(read('mcp_auth_source_last_sync_timestamp_seconds{resource="mcpauthpolicies"}')).toBeUndefined();
});

test('TLS: the certificate is followed, and a pair that does not fit leaves the old one in use', async () => {
  const first = await ca.issue({ hosts: ['127.0.0.1'] });
  const second = await ca.issue({ hosts: ['127.0.0.1', 'second.example.com'] });
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const put = (file: string, content: string): void => {
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  };
  put(files.cert, first.certificatePem);
  put(files.key, first.keyPem);
  operator = await startOperatorProcess('serve', [
    ...['--policies', policies, '--tls-cert', files.cert, '--tls-key', files.key],
  ]);
  const port = Number(new URL(operator.publicURL).port);
  const namesOf = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', ca: ca.certificatePem }, () => {
        resolve(socket.getPeerX509Certificate()?.subjectAltName ?? '');
        socket.destroy();
      });
      socket.on('error', reject);
    });
  expect(await namesOf()).not.toContain('second');
  const fetchTls = createTrustingFetch(ca.certificatePem);
  expect((await fetchTls(`https://127.0.0.1:${port}/nowhere`)).status).toBe(404);
  put(files.cert, second.certificatePem);
  await eventually(
    'the log says so',
    async () => operator?.log() ?? '',
    (log) => log.includes('certificate not replaced'),
  );
  expect(await namesOf()).not.toContain('second');
  put(files.key, second.keyPem);
  await eventually('the second certificate is served', namesOf, (names) => names.includes('second'));
});

test.each(['--listen', '--admin-listen'])(
  'a port in use at %s ends the program with code 1',
  async (flag) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const [free] = await pickPorts(1);
    const other = flag === '--listen' ? '--admin-listen' : '--listen';
    const listeners = [flag, `127.0.0.1:${port}`, other, `127.0.0.1:${free}`];
    const child = spawn(process.execPath, [entry, 'serve', '--policies', policies, ...listeners], {
      stdio: 'ignore',
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(1);
    taken.close();
  },
);

test.each([
  [
    'a certificate that is none',
    () => ['--tls-cert', join(folder, 'junk'), '--tls-key', join(folder, 'junk')],
    '--tls-cert',
  ],
  ['a configuration with an alias bomb', () => ['--config', join(folder, 'bomb')], 'bomb'],
  ['a configuration with a misspelt key', () => ['--config', join(folder, 'misspelt')], 'publicUrl'],
])('%s: code 2, and what to mend is named', async (_, args, named) => {
  writeFileSync(join(folder, 'junk'), 'junk');
  const levels = Array.from(
    { length: 9 },
    (_value, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]`,
  );
  writeFileSync(join(folder, 'bomb'), `a0: &a0 x\n${levels.join('\n')}\n`);
  writeFileSync(
    join(folder, 'misspelt'),
    'apiVersion: mcpauth.dev/v1alpha1\nkind: OperatorConfiguration\npublicUrl: https://x\n',
  );
  const [port, adminPort] = await pickPorts(2);
  const listeners = ['--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${adminPort}`];
  const child = spawn(process.execPath, [entry, 'serve', '--policies', policies, ...listeners, ...args()], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [output, [code]] = await Promise.all([
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  expect(code).toBe(2);
  expect(output).toContain(named);
});
