import { afterAll, beforeAll, expect, it } from 'vitest';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { post } from '../e2e/callers.ts';
import { eventually } from '../e2e/eventually.ts';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { isReady, reasonsOf } from '../e2e/scenario.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeWithCluster } from './require-cluster.ts';

const self = 'mcp-auth-operator';
const namespace = 'team-a';
const issuer = 'https://idp.example.com';
const names = ['one', 'two', 'three'];

describeWithCluster('three replicas', () => {
  let cluster: ControlPlane;
  let signer: Signer;
  let args: readonly string[];
  const replicas = new Map<string, OperatorProcess>();
  const { kubectl, write, installCRD, installRights, leave } = createAdministrator(() => cluster);

  function writeConfiguration(change: object = {}): string {
    const configuration = {
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'OperatorConfiguration',
      publicURL: 'http://127.0.0.1:1',
      // Without a port it is any: each replica has another.
      additionalHosts: ['127.0.0.1'],
      intervals: { lameDuck: '0s' },
      ...change,
    };
    return write('configuration.json', JSON.stringify(configuration));
  }

  async function start(name: string): Promise<void> {
    const place = ['--pod-namespace', self, '--pod-name', name];
    replicas.set(name, await startOperatorProcess('run', [...args, ...place], { publicURL: null }));
  }

  const inlineKeys = (): object => ({ inline: JSON.stringify({ keys: [signer.publicJwk] }) });

  async function applyPolicy(name: string, audience: string, jwks = inlineKeys()): Promise<void> {
    const spec = { issuer, audience, mode: 'Offline', jwks };
    const metadata = { name, namespace };
    await cluster.apply(
      JSON.stringify({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec }),
    );
  }

  async function getPolicy(name: string): Promise<McpAuthPolicy> {
    return JSON.parse(await kubectl('-n', namespace, 'get', 'mcpap', name, '-o', 'json')) as McpAuthPolicy;
  }

  const seen = ({ metadata, status }: McpAuthPolicy) => ({ generation: metadata.generation ?? 0, status });
  const isCurrent = ({ metadata, status }: McpAuthPolicy): boolean =>
    status?.observedGeneration === metadata.generation;

  async function untilReady(name: string): Promise<McpAuthPolicy> {
    return await eventually(
      `policy ${name}`,
      () => getPolicy(name),
      (policy) => isCurrent(policy) && isReady(seen(policy)),
    );
  }

  /** What each replica answers to a token for the audience. */
  async function askAll(name: string, audience: string): Promise<readonly number[]> {
    const now = Math.floor(Date.now() / 1000);
    const token = signer.sign({}, { iss: issuer, aud: audience, sub: 'x', iat: now, exp: now + 300 });
    const running = [...replicas.values()];
    return await Promise.all(
      running.map(async ({ publicURL }) => {
        const answer = await post(`${publicURL}/${namespace}/${name}/mcp`, token);
        await answer.body?.cancel();
        return answer.status;
      }),
    );
  }

  const leaders = async (): Promise<string> =>
    (await kubectl('-n', self, 'get', 'lease', self, '-o', 'jsonpath={.spec.holderIdentity}')).replace(
      /_.*/,
      '',
    );

  beforeAll(async () => {
    cluster = await startControlPlane();
    signer = await createSigner('ES256');
    await installCRD();
    await kubectl('create', 'namespace', namespace);
    args = ['--kubeconfig', await installRights(), '--config', writeConfiguration()];
    for (const name of names) await start(name);
  });

  afterAll(async () => {
    for (const replica of replicas.values()) {
      replica.signal('SIGCONT');
      expect(await replica.stop()).toBe(0);
    }
    await cluster?.stop();
    leave();
  });

  it('agree on one leader, and each says what it enforces', async () => {
    await applyPolicy('x', 'first');
    await untilReady('x');
    expect(names).toContain(await leaders());
    const leases = await kubectl('-n', self, 'get', 'leases', '-l', 'mcpauth.dev/replica=true', '-o', 'name');
    expect(leases.split('\n')).toHaveLength(3);
    const events = await kubectl(
      '-n',
      namespace,
      'get',
      'events.events.k8s.io',
      '-o',
      'jsonpath={.items[*].reason}',
    );
    expect(events).toBe('Ready');
  });

  it('a policy that says Ready is enforced by all of them', async () => {
    await applyPolicy('asked', 'first');
    await untilReady('asked');
    expect(await askAll('asked', 'first')).toEqual([200, 200, 200]);
    await applyPolicy('asked', 'second');
    await untilReady('asked');
    expect(await askAll('asked', 'second')).toEqual([200, 200, 200]);
    expect(await askAll('asked', 'first')).toEqual([401, 401, 401]);
  });

  it('a replica that leaves and comes back causes no status write', async () => {
    const before = (await untilReady('x')).metadata.resourceVersion;
    const [follower = ''] = names.filter((name) => !replicas.get(name)?.log().includes('is the leader'));
    expect(await replicas.get(follower)?.stop()).toBe(0);
    replicas.delete(follower);
    expect(await kubectl('-n', self, 'get', 'leases', '-o', 'name')).not.toContain(`replica-${follower}`);
    await start(follower);
    await eventually(
      'the replica says what it enforces',
      () => kubectl('-n', self, 'get', 'leases', '-o', 'name'),
      (leases) => leases.includes(`replica-${follower}`),
    );
    expect((await getPolicy('x')).metadata.resourceVersion).toBe(before);
  });

  it('another one leads when the leader leaves, and writes nothing that is written', async () => {
    const before = (await untilReady('x')).metadata.resourceVersion;
    const leader = await leaders();
    expect(await replicas.get(leader)?.stop()).toBe(0);
    replicas.delete(leader);
    const next = await eventually('another leader', leaders, (name) => name !== '' && name !== leader);
    expect(names).toContain(next);
    await start(leader);
    await applyPolicy('y', 'other');
    await untilReady('y');
    expect((await getPolicy('x')).metadata.resourceVersion).toBe(before);
  });

  it('an edited ConfigMap, and an edited file of the administrator, count like an edited policy', async () => {
    const applyKeys = async (key: Signer): Promise<void> => {
      const data = { 'jwks.json': JSON.stringify({ keys: [key.publicJwk] }) };
      const metadata = { name: 'keys', namespace };
      await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
    };
    const another = (digest: string | undefined) =>
      eventually(
        'another configuration that is ready',
        () => getPolicy('named'),
        (policy) => policy.status?.verification?.configDigest !== digest && isReady(seen(policy)),
      );
    await applyKeys(signer);
    await applyPolicy('named', 'n', { configMapRef: { name: 'keys', key: 'jwks.json' } });
    const first = await untilReady('named');
    expect(await askAll('named', 'n')).toEqual([200, 200, 200]);

    await applyKeys(await createSigner('ES256', { kid: signer.kid }));
    const second = await another(first.status?.verification?.configDigest);
    expect(await askAll('named', 'n')).toEqual([401, 401, 401]);

    await applyKeys(signer);
    const third = await another(second.status?.verification?.configDigest);
    writeConfiguration({ forbiddenAudiences: ['n'] });
    await eventually(
      'the refusal',
      () => getPolicy('named'),
      (policy) => reasonsOf(seen(policy)).Accepted === 'AudienceForbidden',
    );
    // A refusal is the leader's word alone; the others follow within seconds.
    await eventually(
      'refusals',
      () => askAll('named', 'n'),
      (answers) => answers.every((status) => status === 503),
    );
    writeConfiguration({ limits: { maxTokenBytes: 4096 } });
    await another(third.status?.verification?.configDigest);
    expect(await askAll('named', 'n')).toEqual([200, 200, 200]);
  });

  it('a replica that stands still holds up Programmed until it is given up', {
    timeout: 180_000,
  }, async () => {
    const leader = await leaders();
    const [frozen = ''] = names.filter((name) => name !== leader);
    replicas.get(frozen)?.signal('SIGSTOP');
    await applyPolicy('x', 'third');
    const waiting = await eventually(
      'a status for the new generation',
      () => getPolicy('x'),
      (policy) => isCurrent(policy) && reasonsOf(seen(policy)).Verified === 'Passed',
    );
    expect(reasonsOf(seen(waiting))).toMatchObject({ Programmed: 'Pending', Ready: 'Pending' });
    let isGivenUp = false;
    for (let second = 0; second < 90 && !isGivenUp; second += 1) {
      isGivenUp = isReady(seen(await getPolicy('x')));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect(isGivenUp).toBe(true);
    replicas.get(frozen)?.signal('SIGCONT');
    await applyPolicy('z', 'any');
    await untilReady('z');
  });

  it('a leader that was paused cannot overwrite what the next one wrote', { timeout: 180_000 }, async () => {
    const old = await leaders();
    replicas.get(old)?.signal('SIGSTOP');
    let next = old;
    for (let second = 0; second < 60 && next === old; second += 1) {
      next = await leaders();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect(next).not.toBe(old);
    await applyPolicy('y', 'changed-while-paused');
    await eventually(
      'the next leader’s status',
      () => getPolicy('y'),
      (policy) => isCurrent(policy) && reasonsOf(seen(policy)).Verified === 'Passed',
    );
    replicas.get(old)?.signal('SIGCONT');
    const ready = await untilReady('y');
    const after = await untilReady('y');
    expect(after.metadata.resourceVersion).toBe(ready.metadata.resourceVersion);
    expect(await leaders()).toBe(next);
    expect(replicas.get(old)?.log()).toContain('is not the leader any more');
  });
});
