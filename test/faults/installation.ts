import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { kubeconfigFor } from '../cluster/kubeconfig-for.ts';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { isReady } from '../e2e/scenario.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { loopbackAddress } from '../fixtures/loopback-server.ts';
import { type ApiLine, startApiLine } from './api-line.ts';
import { type AuditLog, prepareAuditLog } from './audit-log.ts';
import { heapPercentage, memoryLimitBytes } from './footprint.ts';
import { within } from './length.ts';
import { ask, type Target, timeUntil } from './load.ts';
import { audience, neighbour, startTenants, type Tenants, tenant } from './tenants.ts';

const root = join(import.meta.dirname, '../..');
export const operatorNamespace = 'mcp-auth-operator';
const heapMiB = Math.floor((memoryLimitBytes * heapPercentage) / 100 / 1024 / 1024);
const nodeOptions = [`--max-old-space-size=${heapMiB}`];
/** The policy under load, one in each tenant's namespace. */
export const policyUnderLoad = 'tools';

/** Replicas of the operator at a real API server, with the rights of manifests/rbac.yaml and nothing else. */
export interface Installation {
  readonly cluster: ControlPlane;
  readonly tenants: Tenants;
  readonly audit: AuditLog;
  /** Of each replica, by its name; empty unless asked for. */
  readonly lines: ReadonlyMap<string, ApiLine>;
  /** Gives the replicas a token of the ServiceAccount as it is now, in the file that they read theirs from. */
  renewToken(): Promise<void>;
  /** The replicas that were started last under each name. */
  readonly replicas: ReadonlyMap<string, OperatorProcess>;
  /** Those that a balancer would send requests to; a test takes out and puts back. */
  readonly inRotation: Set<string>;
  /** The replicas in rotation, with the address of the policy under load, or of another (`namespace/name`). */
  targets(policy?: string): readonly Target[];
  /** Starts a replica, or a bundle as one, and puts it into rotation; one that has ended comes back on its ports. */
  start(name: string, program?: string): Promise<void>;
  /** The replica that holds the leader's Lease; empty when nobody does. */
  leader(): Promise<string>;
  /** Runs kubectl as the administrator; throws when it fails. */
  kubectl(...args: readonly string[]): Promise<string>;
  apply(name: string, spec: object, namespace?: string): Promise<void>;
  see(name: string, namespace?: string): Promise<McpAuthPolicy>;
  /** The spec of the policy under load of a namespace. */
  specOf(namespace: string): object;
  /** Milliseconds until the policy's status says of its newest version that it is ready. */
  untilReady(name: string, limitMs: number, namespace?: string): Promise<number>;
  /** Milliseconds until every replica in rotation gives this answer to the token at the policy (`namespace/name`). */
  untilAnswer(policy: string, token: () => string, answer: string, limitMs: number): Promise<number>;
  /** Makes a change that tokens can tell, and gives the milliseconds until the replicas in rotation show it. */
  timeUntilInForce(limitMs: number): Promise<number>;
  /** The same, until the status shows it, too. */
  timeToChange(limitMs: number): Promise<ChangeTime>;
  stop(): Promise<void>;
}

/** Milliseconds from the change. */
export interface ChangeTime {
  readonly inForceMs: number;
  readonly inStatusMs: number;
}

export interface InstallationOptions {
  /** Each replica reaches the API server over a line of its own, which can be disturbed. */
  readonly hasLines?: boolean;
  /** Further options of Node.js for a replica. */
  readonly nodeOptionsOf?: (name: string) => readonly string[];
}

export async function startInstallation(
  names: readonly string[],
  { hasLines = false, nodeOptionsOf = () => [] }: InstallationOptions = {},
): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-faults-'));
  const account = `system:serviceaccount:${operatorNamespace}:${operatorNamespace}`;
  const audit = prepareAuditLog(folder, account);
  const ca = await createCertificateAuthority();
  const tenants = await startTenants(ca);
  const cluster = await startControlPlane({ apiServerArgs: audit.apiServerArgs });
  const lines = new Map<string, ApiLine>();
  const replicas = new Map<string, OperatorProcess>();
  const inRotation = new Set<string>();
  let changes = 0;

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  function write(name: string, content: string): string {
    const file = join(folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  async function prepareCluster(): Promise<readonly string[]> {
    await kubectl('apply', '-f', join(root, 'crds'), '-f', join(root, 'manifests/rbac.yaml'));
    await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
    for (const namespace of [tenant, neighbour]) {
      await kubectl('create', 'namespace', namespace);
      const file = write('ca.crt', ca.certificatePem);
      await kubectl('-n', namespace, 'create', 'configmap', 'trust', `--from-file=${file}`);
    }
    await renewToken();
    return [
      ...['--config', write('configuration.json', JSON.stringify(configurationFor(tenants)))],
      ...['--pod-namespace', operatorNamespace],
    ];
  }

  async function renewToken(): Promise<void> {
    write('token', await kubectl('-n', operatorNamespace, 'create', 'token', operatorNamespace));
  }

  /** The replica's kubeconfig, whose API server is the real one or the replica's line to it. */
  async function connect(name: string): Promise<string> {
    if (hasLines && !lines.has(name)) {
      lines.set(name, await startApiLine(cluster, await ca.issue({ hosts: [loopbackAddress] })));
    }
    const line = lines.get(name);
    const server = line === undefined ? cluster : { url: line.url, caFile: join(folder, 'ca.crt') };
    return write(`${name}.kubeconfig`, kubeconfigFor(server, { tokenFile: 'token' }));
  }

  const specOf = (namespace: string): object => ({
    issuer: (namespace === tenant ? tenants.issuer : tenants.neighbourIssuer).issuer,
    ...{ audience, mode: 'OIDC', caBundleRef: { name: 'trust', key: 'ca.crt' } },
  });

  async function start(name: string, program?: string): Promise<void> {
    const after = replicas.get(name);
    const options = {
      ...{ publicURL: null, patienceMs: within(60_000) },
      nodeOptions: [...nodeOptions, ...nodeOptionsOf(name)],
      ...{ ...(after && { after }), ...(program && { program }) },
    };
    const its = ['--kubeconfig', await connect(name), '--pod-name', name];
    replicas.set(name, await startOperatorProcess('run', [...args, ...its], options));
    inRotation.add(name);
  }

  async function apply(name: string, spec: object, namespace = tenant): Promise<void> {
    const metadata = { name, namespace };
    const object = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec };
    await cluster.apply(JSON.stringify(object));
  }

  async function see(name: string, namespace = tenant): Promise<McpAuthPolicy> {
    const text = await kubectl('-n', namespace, 'get', 'mcpap', name, '-o', 'json');
    return JSON.parse(text) as McpAuthPolicy;
  }

  const targets = (policy = `${tenant}/${policyUnderLoad}`): readonly Target[] =>
    [...inRotation].map((name) => ({ name, url: `${replicas.get(name)?.publicURL}/${policy}/mcp` }));

  const untilReady = (name: string, limitMs: number, namespace = tenant): Promise<number> =>
    timeUntil(`${namespace}/${name} is ready`, limitMs, async () => {
      const { metadata, status } = await see(name, namespace);
      const { generation = 0 } = metadata;
      return status?.observedGeneration === generation && isReady({ generation, status });
    });

  const untilAnswer = (
    policy: string,
    token: () => string,
    answer: string,
    limitMs: number,
  ): Promise<number> =>
    timeUntil(`${policy} answers ${answer} everywhere`, limitMs, async () => {
      const answers = await Promise.all(targets(policy).map(({ url }) => ask(url, token())));
      return answers.every((each) => each === answer);
    });

  async function timeUntilInForce(limitMs: number): Promise<number> {
    changes += 1;
    const changed = `${audience}/change-${changes}`;
    await apply('changing', { ...specOf(tenant), audience: changed });
    return await untilAnswer(`${tenant}/changing`, () => tenants.tokenFor(changed), '200', limitMs);
  }

  async function stop(): Promise<void> {
    for (const replica of replicas.values()) {
      replica.signal('SIGCONT');
      await replica.stop();
    }
    await Promise.all([...lines.values()].map((line) => line.stop()));
    await Promise.all([cluster.stop(), tenants.issuer.stop(), tenants.neighbourIssuer.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }

  const args = await prepareCluster();
  const installation: Installation = {
    ...{
      cluster,
      tenants,
      audit,
      lines,
      renewToken,
      replicas,
      inRotation,
      targets,
      start,
      kubectl,
      apply,
      see,
      specOf,
    },
    ...{ untilReady, untilAnswer, stop },
    async leader() {
      const path = ['-o', 'jsonpath={.spec.holderIdentity}'];
      const holder = await kubectl('-n', operatorNamespace, 'get', 'lease', operatorNamespace, ...path);
      return holder.replace(/_.*/, '');
    },
    timeUntilInForce,
    async timeToChange(limitMs) {
      const inForceMs = await timeUntilInForce(limitMs);
      return { inForceMs, inStatusMs: inForceMs + (await untilReady('changing', limitMs)) };
    },
  };
  for (const name of names) await start(name);
  for (const namespace of [tenant, neighbour]) {
    await apply(policyUnderLoad, specOf(namespace), namespace);
    await untilReady(policyUnderLoad, 30_000, namespace);
  }
  return installation;
}

function configurationFor({ issuer, neighbourIssuer }: Tenants): object {
  const ports = [issuer, neighbourIssuer].map((each) => Number(new URL(each.issuer).port));
  const cidrs = ['127.0.0.0/8', '::1/128'];
  return {
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'OperatorConfiguration',
    publicURL: 'http://127.0.0.1:1',
    // Without a port it is any: each replica has another.
    additionalHosts: ['127.0.0.1'],
    outbound: { allow: [{ namespaces: ['*'], hosts: ['localhost'], cidrs, ports }] },
    intervals: { lameDuck: '2s' },
  };
}
