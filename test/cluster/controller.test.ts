import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { Condition, McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { type ClusterSource, startClusterSource } from '../../operator/controller/cluster-source.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { mcpAuthPolicies, objectPath } from '../../operator/controller/resource.ts';
import { createStatusWriter, type StatusWriter } from '../../operator/controller/status-writer.ts';
import type { SourceInputs } from '../../operator/policy/inputs.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeWithCluster } from './require-cluster.ts';

const namespace = 'team-a';

const policy = (name: string, audience: string, rest = ''): string => `
apiVersion: mcpauth.dev/v1alpha1
kind: McpAuthPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: { issuer: "https://idp.example.com", audience: "${audience}", mode: OIDC${rest} }
`;
const configMap = (name: string, ca: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: ${namespace} }
data: { ca: "${ca}" }
`;

describeWithCluster('the controller', () => {
  const log = recordLog();
  const administrator = createAdministrator(() => cluster);
  let cluster: ControlPlane;
  let api: KubeApi;
  let source: ClusterSource;
  let writer: StatusWriter;
  let last: SourceInputs | undefined;

  beforeAll(async () => {
    cluster = await startControlPlane();
    const given = { clock: systemClock, random: Math.random, log };
    api = connectToCluster({ kubeconfig: await administrator.installRights(), clock: systemClock });
    source = startClusterSource({
      ...given,
      api,
      onInputs(inputs) {
        last = inputs;
      },
    });
    writer = createStatusWriter({ ...given, api });
  });

  afterAll(async () => {
    await source?.stop();
    await writer?.close();
    api?.close();
    await cluster?.stop();
    administrator.leave();
  });

  function find(name: string): UntypedObject | undefined {
    return last?.policies.map(({ object }) => object).find(({ metadata }) => metadata.name === name);
  }

  const audienceOf = (name: string): unknown =>
    (find(name)?.spec as Readonly<Record<string, unknown>> | undefined)?.audience;
  const caOf = (name: string): unknown => last?.configMaps.get(`${namespace}/${name}`)?.data.ca;
  const eventually = (check: () => void): Promise<void> =>
    vi.waitFor(check, { timeout: 60_000, interval: 20 });
  const kubectl = (...args: readonly string[]): Promise<string> =>
    administrator.kubectl(...args, '--namespace', namespace);

  it('says that the CRD is missing, and goes on once it is there', async () => {
    await eventually(() =>
      expect(log.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining('CRD')),
    );
    expect(last).toBeUndefined();

    await administrator.installCRD();
    await cluster.apply(`{ apiVersion: v1, kind: Namespace, metadata: { name: ${namespace} } }`);

    await eventually(() => expect(last?.policies).toEqual([]));
  });

  it('delivers policies with the ConfigMaps that they name', async () => {
    await cluster.apply(
      [
        configMap('ca', 'first'),
        configMap('other', 'never read'),
        policy('one', 'https://one', ', caBundleRef: { name: ca, key: ca }'),
        policy('two', 'https://two'),
      ].join('---'),
    );

    await eventually(() =>
      expect([audienceOf('one'), audienceOf('two'), caOf('ca')]).toEqual([
        'https://one',
        'https://two',
        'first',
      ]),
    );
    expect([...(last?.configMaps.keys() ?? [])]).toEqual([`${namespace}/ca`]);
    expect(find('one')).toMatchObject({
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { generation: 1 },
      status: { observedGeneration: -1 },
    });
    expect(find('one')?.metadata).not.toHaveProperty('managedFields');
  });

  it('delivers edits of both', async () => {
    await cluster.apply(`${policy('two', 'https://edited')}---${configMap('ca', 'second')}`);

    await eventually(() => expect([audienceOf('two'), caOf('ca')]).toEqual(['https://edited', 'second']));
    expect(find('two')?.metadata.generation).toBe(2);
  });

  it('delivers deletions of both', async () => {
    await kubectl('delete', 'mcpauthpolicy/two', 'configmap/ca');

    await eventually(() => expect([find('two'), caOf('ca')]).toEqual([undefined, undefined]));
    expect(find('one')).toBeDefined();
  });

  it('treats a policy that waits for a finalizer as deleted', async () => {
    await cluster.apply(policy('held', 'https://held'));
    await kubectl(
      'patch',
      'mcpauthpolicy/held',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["example.com/hold"]}}',
    );
    await eventually(() => expect(find('held')).toBeDefined());

    await kubectl('delete', 'mcpauthpolicy/held', '--wait=false');

    await eventually(() => expect(find('held')).toBeUndefined());
    expect(await kubectl('get', 'mcpauthpolicy/held', '--output=name')).toContain('held');
  });

  function status(ready: 'True' | 'False', { metadata }: UntypedObject): McpAuthPolicyStatus {
    const { generation = 0 } = metadata;
    const condition: Condition = {
      ...{
        type: 'Ready',
        status: ready,
        reason: ready === 'True' ? 'Ready' : 'Pending',
        message: 'Set by a test.',
      },
      ...{ lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: generation },
    };
    return { observedGeneration: generation, conditions: [condition] };
  }

  const stored = async (name: string): Promise<UntypedObject> =>
    JSON.parse(await kubectl('get', 'mcpauthpolicy', name, '--output=json')) as UntypedObject;

  it('writes a status that kubectl can wait for, once', async () => {
    await cluster.apply(policy('ready', 'https://ready'));
    await eventually(() => expect(find('ready')).toBeDefined());
    const before = find('ready') as UntypedObject;

    writer.offer(before, status('True', before));

    await kubectl('wait', '--for=condition=Ready', 'mcpauthpolicy/ready', '--timeout=30s');
    await eventually(() => expect(find('ready')?.status).toEqual(status('True', before)));
    const after = find('ready') as UntypedObject;
    writer.offer(after, status('True', after));
    writer.offer(before, status('True', before));
    await cluster.apply(configMap('tick', randomUUID()));
    expect((await stored('ready')).metadata).toMatchObject({
      generation: 1,
      resourceVersion: after.metadata.resourceVersion,
    });
  });

  it('cannot write the status of a version that is gone', async () => {
    const before = find('ready') as UntypedObject;
    await cluster.apply(policy('ready', 'https://newer'));
    await eventually(() => expect(audienceOf('ready')).toBe('https://newer'));
    const body = {
      apiVersion: before.apiVersion,
      kind: before.kind,
      metadata: before.metadata,
      status: status('False', before),
    };
    const path = `${objectPath(mcpAuthPolicies, before.metadata)}/status`;
    const query = { fieldManager: 'mcp-auth-operator', force: true };

    const patched = api.patch(path, body, 'application/apply-patch+yaml', query);

    await expect(patched).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    expect((await stored('ready')).status).toEqual(status('True', before));
  });

  const complaints = () => log.lines.filter(({ level }) => level !== 'debug');

  it('cannot write the status of an object that was deleted and created again', async () => {
    const before = find('ready') as UntypedObject;
    await kubectl('delete', 'mcpauthpolicy/ready');
    await cluster.apply(policy('ready', 'https://again'));
    const lines = complaints();

    writer.offer(before, status('True', before));

    await eventually(() => expect(audienceOf('ready')).toBe('https://again'));
    const now = find('ready') as UntypedObject;
    expect(now.status).toEqual({ observedGeneration: -1 });
    // Whatever becomes of the write before, this one goes at once.
    writer.offer(now, status('False', now));
    await eventually(() => expect(find('ready')?.status).toEqual(status('False', now)));
    expect(complaints()).toEqual(lines);
  });

  it('comes back after an outage of the API server and sees what has changed meanwhile', async () => {
    await cluster.apply(policy('gone', 'https://gone'));
    await eventually(() => expect(find('gone')).toBeDefined());

    await cluster.stopApiServer();
    const one = find('one') as UntypedObject;
    writer.offer(one, status('True', one));
    await eventually(() =>
      expect(log.lines.map(({ message }) => message)).toContain('writing a status failed'),
    );
    await cluster.startApiServer();
    await kubectl('delete', 'mcpauthpolicy/gone');
    await cluster.apply(policy('late', 'https://late'));

    await eventually(() => expect([find('gone'), audienceOf('late')]).toEqual([undefined, 'https://late']));
    await eventually(() => expect(find('one')?.status).toEqual(status('True', one)));
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
