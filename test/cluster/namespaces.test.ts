import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { startClusterSource } from '../../operator/controller/cluster-source.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { SourceInputs } from '../../operator/policy/inputs.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { eventually } from '../e2e/eventually.ts';
import { startOperatorProcess } from '../e2e/operator-process.ts';
import { reasonsOf } from '../e2e/scenario.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { serviceAccountIssuer as issuer } from './control-plane-servers.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';

const manifests = join(import.meta.dirname, '../../manifests');
const account = 'mcp-auth-operator';

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly responseStatus: { readonly code: number };
}

describeWithCluster('an operator with a Role in each namespace', () => {
  let folder: string;
  let cluster: ControlPlane;
  let kubeconfig: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-auth-namespaces-'));
    const level = { level: 'Metadata', users: [`system:serviceaccount:${account}:${account}`] };
    const auditPolicy = {
      ...{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [level, { level: 'None' }] },
      omitStages: ['RequestReceived', 'ResponseStarted'],
    };
    const auditPolicyFile = write('audit-policy.json', JSON.stringify(auditPolicy));
    cluster = await startControlPlane({
      apiServerArgs: [`--audit-policy-file=${auditPolicyFile}`, `--audit-log-path=${join(folder, 'audit')}`],
    });
    await kubectl('apply', '--server-side', '-k', writeKustomization());
    // Its own test gives it back.
    await kubectl('delete', 'clusterrolebinding', account);
    await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
    for (const namespace of ['team-a', 'team-b', 'team-c']) {
      await kubectl('create', 'namespace', namespace);
      await apply('v1', 'ConfigMap', { namespace, name: 'ca' }, { data: { ca: `of ${namespace}` } });
      await applyPolicy(namespace, 'one', { caBundleRef: { name: 'ca', key: 'ca' } });
    }
    for (const namespace of ['team-a', 'team-b']) await admit(namespace);
    const token = await kubectl('-n', account, 'create', 'token', account);
    kubeconfig = write('kubeconfig', kubeconfigFor(cluster, { token }));
  });

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  const admit = (namespace: string): Promise<string> =>
    kubectl('apply', '-n', namespace, '-f', join(manifests, 'namespaced/tenant.yaml'));

  /** As an administrator's own, over the manifests. */
  function writeKustomization(): string {
    const base = relative(realpathSync(folder), manifests);
    write(
      'kustomization.yaml',
      JSON.stringify({ resources: [base], components: [join(base, 'namespaced')] }),
    );
    return folder;
  }

  const apply = (apiVersion: string, kind: string, metadata: object, rest: object): Promise<void> =>
    cluster.apply(JSON.stringify({ apiVersion, kind, metadata, ...rest }));

  const applyPolicy = (namespace: string, name: string, spec: object): Promise<void> =>
    apply(
      'mcpauth.dev/v1alpha1',
      'McpAuthPolicy',
      { namespace, name },
      { spec: { issuer: 'https://idp.example.com', audience: namespace, mode: 'OIDC', ...spec } },
    );

  function write(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  /** What the operator asked for and was answered, as the API server wrote it down. */
  function asked(): readonly string[] {
    return readFileSync(join(folder, 'audit'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditEvent)
      .map(({ verb, requestURI, responseStatus }) => {
        return `${responseStatus.code} ${verb} ${requestURI.replace(/\?.*/, '')}`;
      });
  }

  const untilAsked = (isGood: (all: readonly string[]) => boolean): Promise<readonly string[]> =>
    eventually('the audit log is complete', async () => asked(), isGood);

  /** What a source delivers of the given namespaces, or of all. */
  function startSource(namespaces?: readonly string[]) {
    const api = connectToCluster({ kubeconfig, clock: systemClock });
    const log = recordLog();
    let last: SourceInputs | undefined;
    const source = startClusterSource({
      ...{ api, clock: systemClock, random: Math.random, log },
      ...(namespaces === undefined ? {} : { namespaces }),
      onInputs(inputs) {
        last = inputs;
      },
    });
    return {
      log,
      seen: () =>
        last?.policies.map(({ object: { metadata } }) => {
          const { namespace, name } = metadata;
          return `${namespace}/${name} ${last?.configMaps.get(`${namespace}/ca`)?.data.ca}`;
        }),
      async stop() {
        await source.stop();
        api.close();
      },
    };
  }

  it('follows these namespaces and asks for nothing else', async () => {
    const { log, seen, stop } = startSource(['team-a', 'team-b']);
    await eventually(
      'both policies',
      async () => seen(),
      (now) => now?.length === 2,
    );
    expect(seen()).toEqual(['team-a/one of team-a', 'team-b/one of team-b']);
    await applyPolicy('team-b', 'two', {});
    await applyPolicy('team-c', 'two', {});
    await eventually(
      'the new one',
      async () => seen(),
      (now) => now?.includes('team-b/two of team-b') === true,
    );
    expect(seen()).toHaveLength(3);
    await stop();
    expect(log.lines).toEqual([]);
    // A watch is complete in the audit log when it has ended.
    const all = await untilAsked((lines) => lines.filter((line) => line.includes(' watch ')).length >= 6);
    const paths = ['team-a', 'team-b'].flatMap((namespace) => [
      `/api/v1/namespaces/${namespace}/configmaps`,
      `/api/v1/namespaces/${namespace}/services`,
      `/apis/mcpauth.dev/v1alpha1/namespaces/${namespace}/mcpauthpolicies`,
    ]);
    const gets = ['team-a', 'team-b'].map((one) => `200 get /api/v1/namespaces/${one}/configmaps/ca`);
    expect(new Set(all)).toEqual(
      new Set([...paths.flatMap((path) => [`200 list ${path}`, `200 watch ${path}`]), ...gets]),
    );
  });

  it('cannot follow the whole cluster: there is no hidden right', async () => {
    const { log, seen, stop } = startSource();
    await eventually(
      'the refusals',
      async () => log.lines.filter(({ fields }) => fields.code === 403).length,
      (count) => count >= 3,
    );
    expect(seen()).toBeUndefined();
    await stop();
  });

  it('says in the status that it may not ask for reviews', async () => {
    await applyPolicy('team-a', 'reviewed', { issuer, audience: 'reviewed', mode: 'TokenReview' });
    const args = ['--kubeconfig', kubeconfig, '--namespaces', 'team-a'];
    const before = asked().length;
    const operator = await startOperatorProcess('run', args);
    const get = ['-n', 'team-a', 'get', 'mcpap', 'reviewed', '-o', 'json'];
    const { status } = await eventually(
      'the status',
      async () => JSON.parse(await kubectl(...get)) as McpAuthPolicy,
      (policy) => reasonsOf({ generation: 1, status: policy.status }).IssuerReady === 'Forbidden',
    );
    expect(reasonsOf({ generation: 1, status })).toMatchObject({ Accepted: 'Accepted', Ready: 'Forbidden' });
    expect(operator.log()).not.toContain('events');
    const lines = asked().slice(before);
    await kubectl('apply', '--server-side', '-k', folder);
    await eventually(
      'reviews',
      async () => JSON.parse(await kubectl(...get)) as McpAuthPolicy,
      (policy) => reasonsOf({ generation: 1, status: policy.status }).IssuerReady !== 'Forbidden',
      60_000,
    );
    expect(await operator.stop()).toBe(0);
    expect(lines).toContain('403 create /apis/authentication.k8s.io/v1/tokenreviews');
    const allowed = ['/namespaces/team-a/', `/namespaces/${account}/`];
    const elsewhere = lines.filter((line) => !allowed.some((part) => line.includes(part)));
    expect(new Set(elsewhere)).toEqual(
      new Set([
        '403 create /apis/authentication.k8s.io/v1/tokenreviews',
        '200 get /.well-known/openid-configuration',
      ]),
    );
  });
});
