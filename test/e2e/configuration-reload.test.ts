import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../fixtures/certificates.ts';
import { type OpenIdProvider, startOpenIdProvider } from '../fixtures/openid-provider.ts';
import { post } from './callers.ts';
import { eventually } from './eventually.ts';
import { type OperatorProcess, startOperatorProcess } from './operator-process.ts';

const namespace = 'team-a';
const head = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'OperatorConfiguration' };

/** A volume as the kubelet mounts a ConfigMap: the file is a link into `..data`, which is a link that is swapped. */
class MountedConfigMap {
  readonly file: string;
  readonly #folder: string;
  #revision = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.file = join(folder, 'operator.yaml');
  }

  publish(text: string): void {
    this.#revision += 1;
    const target = mkdtempSync(join(this.#folder, `..2026_${this.#revision}-`));
    writeFileSync(join(target, 'operator.yaml'), text);
    symlinkSync(target, join(this.#folder, '..data_tmp'));
    renameSync(join(this.#folder, '..data_tmp'), join(this.#folder, '..data'));
    if (this.#revision === 1) symlinkSync(join('..data', 'operator.yaml'), this.file);
  }
}

let folder: string;
let ca: CertificateAuthority;
let provider: OpenIdProvider;
let operator: OperatorProcess;
let mounted: MountedConfigMap;
let resource: string;
/** Lets policies reach the provider of this test. */
let outbound: object;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-auth-reload-'));
  const policies = mkdtempSync(join(folder, 'policies-'));
  ca = await createCertificateAuthority();
  provider = await startOpenIdProvider({ ca });
  const ports = [Number(new URL(provider.issuer).port)];
  const cidrs = ['127.0.0.0/8', '::1/128'];
  outbound = { allow: [{ namespaces: [namespace], hosts: ['localhost'], cidrs, ports }] };
  const write = (name: string, kind: string, apiVersion: string, rest: object): void => {
    const object = { apiVersion, kind, metadata: { name, namespace }, ...rest };
    writeFileSync(join(policies, `${name}.json`), JSON.stringify(object));
  };
  write('issuer-ca', 'ConfigMap', 'v1', { data: { 'ca.crt': ca.certificatePem } });
  write('x', 'McpAuthPolicy', head.apiVersion, {
    spec: {
      issuer: provider.issuer,
      audience: 'https://audience.example.com',
      mode: 'OIDC',
      caBundleRef: { name: 'issuer-ca', key: 'ca.crt' },
    },
  });
  mounted = new MountedConfigMap(mkdtempSync(join(folder, 'mounted-')));
  mounted.publish(JSON.stringify(head));
  operator = await startOperatorProcess('serve', ['--policies', policies, '--config', mounted.file]);
  resource = `${operator.publicURL}/${namespace}/x/mcp`;
});

afterAll(async () => {
  await operator?.stop();
  await provider?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Reasons of the policy's conditions, by type. */
async function reasons(): Promise<Readonly<Record<string, string>>> {
  const [policy] = (await (await fetch(`${operator.adminURL}/policies`)).json()) as readonly {
    readonly status?: McpAuthPolicyStatus;
  }[];
  return Object.fromEntries((policy?.status?.conditions ?? []).map(({ type, reason }) => [type, reason]));
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${operator.adminURL}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const isReloadGood = (): Promise<number> => metric('mcp_auth_configuration_last_reload_successful');

async function untilReason(type: string, reason: string): Promise<void> {
  await eventually(`${type} is ${reason}`, reasons, (seen) => seen[type] === reason);
}

async function callWithToken(): Promise<number> {
  return (await post(resource, await provider.token({ resource: 'https://audience.example.com' }))).status;
}

/** The tests tell one story, in this order. */
describe('an edited configuration takes effect without a restart', () => {
  test('outbound: an issuer that was out of reach comes into it', async () => {
    await untilReason('Ready', 'AddressNotAllowed');
    expect(await callWithToken()).toBe(503);
    expect(await isReloadGood()).toBe(1);
    mounted.publish(JSON.stringify({ ...head, outbound }));
    await untilReason('Ready', 'Ready');
    expect(await callWithToken()).toBe(200);
  });

  test('a bad edit leaves what is in force, and says what to mend, once', async () => {
    const goodAt = await metric('mcp_auth_configuration_last_reload_success_timestamp_seconds');
    expect(goodAt).toBeGreaterThan(0);
    mounted.publish(JSON.stringify({ ...head, outbond: outbound, limits: { maxTokenBytes: 1 } }));
    await eventually('the metric says so', isReloadGood, (value) => value === 0);
    expect(await reasons()).toMatchObject({ Ready: 'Ready' });
    expect(await callWithToken()).toBe(200);
    const complaints = async (): Promise<readonly string[]> =>
      operator
        .log()
        .split('\n')
        .filter((line) => line.includes('configuration not replaced'));
    const lines = await eventually('the log says so', complaints, ({ length }) => length > 0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('outbond: unknown field');
    expect(lines[0]).toContain('limits.maxTokenBytes: must be');
    expect(await metric('mcp_auth_configuration_last_reload_success_timestamp_seconds')).toBe(goodAt);
  });

  test('a good edit heals it: a browser may call, while --public-url keeps winning', async () => {
    const origin = 'https://app.example.com';
    const call = (): Promise<Response> => fetch(resource, { method: 'POST', headers: { origin } });
    expect((await call()).status).toBe(403);
    const publicURL = 'https://elsewhere.example.com';
    mounted.publish(JSON.stringify({ ...head, publicURL, outbound, allowedOrigins: [origin] }));
    await eventually('the origin may call', call, ({ status }) => status !== 403);
    expect((await call()).status).toBe(401);
    expect(await isReloadGood()).toBe(1);
    expect(await reasons()).toMatchObject({ Ready: 'Ready' });
    expect(await callWithToken()).toBe(200);
  });

  test('forbiddenAudiences: the next call is refused, and the status says why', async () => {
    mounted.publish(
      JSON.stringify({ ...head, outbound, forbiddenAudiences: ['https://audience.example.com'] }),
    );
    await untilReason('Ready', 'AudienceForbidden');
    expect(await callWithToken()).toBe(503);
  });
});
