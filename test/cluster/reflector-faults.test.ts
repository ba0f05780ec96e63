import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClusterSource, startClusterSource } from '../../operator/controller/cluster-source.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import { startReflector } from '../../operator/controller/reflector.ts';
import { collectionPath, configMaps, mcpAuthPolicies, services } from '../../operator/controller/resource.ts';
import type { SourceInputs } from '../../operator/policy/inputs.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { eventually } from '../e2e/eventually.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { getFromApi } from './api-request.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type GatedReads, gateReads } from './gated-reads.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';

const crds = join(import.meta.dirname, '../../crds');
const namespaces = ['team-a', 'team-b'];
const collections = namespaces.flatMap((namespace) =>
  [mcpAuthPolicies, configMaps, services].map((resource) => collectionPath(resource, namespace)),
);
const account = 'reader';
/** Longer than the longest back-off, twice. */
const recoveryMs = 75_000;

describeWithCluster('watches of a real API server', () => {
  let folder: string;
  let cluster: ControlPlane;
  let api: KubeApi;
  let reads: GatedReads;
  let source: ClusterSource;
  let log: ReturnType<typeof recordLog>;
  let last: SourceInputs | undefined;
  let edits = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-auth-faults-'));
    // ConfigMaps come straight from etcd, so that its compaction is felt at once.
    cluster = await startControlPlane({ apiServerArgs: ['--watch-cache-sizes=configmaps#0'] });
    await installCRD();
    for (const namespace of namespaces) {
      await kubectl('create', 'namespace', namespace);
      const reading = ['--verb=get,list,watch', '--resource=configmaps,services,mcpauthpolicies.mcpauth.dev'];
      await kubectl('-n', namespace, 'create', 'role', account, ...reading);
      await allow(namespace);
    }
    await kubectl('-n', 'team-a', 'create', 'serviceaccount', account);
    await renewToken();
    writeFileSync(join(folder, 'kubeconfig'), kubeconfigFor(cluster, { tokenFile: 'token' }));
  });

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  // A new source each time: it starts without failures, and so with the shortest back-off.
  beforeEach(async () => {
    log = recordLog();
    last = undefined;
    api = connectToCluster({ kubeconfig: join(folder, 'kubeconfig'), clock: systemClock });
    reads = gateReads(api);
    source = startClusterSource({
      ...{ api: reads, namespaces, clock: systemClock, random: Math.random, log },
      onInputs(inputs) {
        last = inputs;
      },
    });
    await untilWatching();
    await expectToFollow();
  });

  afterEach(async () => {
    reads.mend();
    await source.stop();
    api.close();
    expect(reads.openWatches()).toBe(0);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  async function installCRD(): Promise<void> {
    await kubectl('apply', '-f', crds);
    await kubectl('wait', '--for=condition=Established', 'crd/mcpauthpolicies.mcpauth.dev', '--timeout=30s');
  }

  async function allow(namespace: string): Promise<void> {
    const to = ['--role', account, '--serviceaccount', `team-a:${account}`];
    await kubectl('-n', namespace, 'create', 'rolebinding', account, ...to);
  }

  async function renewToken(): Promise<void> {
    writeFileSync(join(folder, 'token'), await kubectl('-n', 'team-a', 'create', 'token', account));
  }

  /** Edits a policy in each namespace and the ConfigMap that it names; returns what then is to be seen. */
  async function edit(where: readonly string[] = namespaces): Promise<Readonly<Record<string, string>>> {
    edits += 1;
    const text = `edit-${edits}`;
    const objects = where.flatMap((namespace) => [
      {
        ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca', namespace } },
        data: { ca: text },
      },
      {
        ...{
          apiVersion: 'mcpauth.dev/v1alpha1',
          kind: 'McpAuthPolicy',
          metadata: { name: 'one', namespace },
        },
        spec: {
          ...{ issuer: 'https://idp.example.com', audience: text, mode: 'OIDC' },
          caBundleRef: { name: 'ca', key: 'ca' },
        },
      },
    ]);
    await cluster.apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    return Object.fromEntries(where.map((namespace) => [namespace, `${text} ${text}`]));
  }

  /** The audience of each policy and the ConfigMap that it names, by namespace. */
  function seen(): Readonly<Record<string, string>> {
    const { policies = [], configMaps: maps = new Map() } = last ?? {};
    return Object.fromEntries(
      policies.map(({ object }) => {
        const { audience } = object.spec as { readonly audience: string };
        const { namespace } = object.metadata;
        return [namespace, `${audience} ${maps.get(`${namespace}/ca`)?.data.ca}`];
      }),
    );
  }

  async function untilSeen(expected: Readonly<Record<string, string>>): Promise<void> {
    await vi.waitFor(() => expect(seen()).toMatchObject(expected), { timeout: recoveryMs, interval: 20 });
  }

  async function expectToFollow(): Promise<void> {
    await untilSeen(await edit());
  }

  /** How many watches of policies the API server says it has. Of ConfigMaps it has some of its own. */
  async function watchesOfPolicies(): Promise<number> {
    const access = { caFile: cluster.caFile, token: cluster.adminToken };
    const { body } = await getFromApi(`${cluster.url}/metrics`, access);
    const lines = `${body}`
      .split('\n')
      .filter((line) => line.startsWith('apiserver_longrunning_requests{'))
      .filter((line) =>
        ['resource="mcpauthpolicies"', 'verb="WATCH"'].every((label) => line.includes(label)),
      );
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Waits until there is one watch for each collection, and no more, on both sides. */
  async function untilWatching(): Promise<void> {
    const one = [collections.length, namespaces.length];
    await vi.waitFor(async () => expect([reads.openWatches(), await watchesOfPolicies()]).toEqual(one), {
      timeout: recoveryMs,
      interval: 50,
    });
  }

  /** Watches over a time of trouble: no collection is asked for more often than the shortest back-off allows. */
  async function expectPatience(during: () => Promise<void>): Promise<void> {
    const [before, sinceMs] = [reads.requests.length, performance.now()];
    await during();
    const seconds = (performance.now() - sinceMs) / 1000;
    const requests = reads.requests.slice(before);
    for (const path of collections) {
      const asked = requests.filter((request) => request.endsWith(` ${path}`)).length;
      // A list that is answered is followed by a watch at once.
      expect(asked, path).toBeLessThanOrEqual(2 * (1 + seconds / 0.8));
    }
  }

  async function untilFailed(code: number): Promise<void> {
    await eventually(
      `a failure with ${code}`,
      async () => log.lines.map(({ fields }) => fields.code),
      (codes) => codes.includes(code),
    );
  }

  /** How the API server answers the operator's token. */
  async function statusOf(path: string): Promise<number> {
    const token = readFileSync(join(folder, 'token'), 'utf8');
    return (await getFromApi(`${cluster.url}${path}`, { caFile: cluster.caFile, token })).status;
  }

  describe('come back, each once, and miss nothing', () => {
    it('K2 after restarts of the API server', { timeout: 4 * recoveryMs }, async () => {
      await expectPatience(async () => {
        for (let restart = 0; restart < 2; restart += 1) {
          await cluster.stopApiServer();
          await eventually(
            'all connections are gone',
            async () => reads.openWatches(),
            (count) => count === 0,
          );
          await cluster.startApiServer();
          await expectToFollow();
          await untilWatching();
        }
      });
    });

    it('K1 after it was killed', async () => {
      const [, apiServer = 0] = cluster.processIds();
      await expectPatience(async () => {
        process.kill(apiServer, 'SIGKILL');
        await eventually(
          'it is gone',
          async () => cluster.processIds(),
          (ids) => !ids.includes(apiServer),
        );
        const before = seen();
        await untilFailed(0);
        expect(seen()).toEqual(before);
        await cluster.startApiServer();
        await expectToFollow();
        await untilWatching();
      });
    });

    it('K5 after a compaction, with a list of what has no history any more', async () => {
      const lists = (): number =>
        reads.requests.filter((request) => request === `list ${collectionPath(configMaps, 'team-a')}`).length;
      const before = lists();
      reads.cut();
      const edited = await edit();
      await cluster.compact();
      reads.mend();
      await untilSeen(edited);
      await untilWatching();
      await untilFailed(410);
      expect(lists()).toBe(before + 1);
      await expectToFollow();
    });

    it('K7 after the account was deleted, with the token of the next one', async () => {
      const path = collectionPath(mcpAuthPolicies, 'team-a');
      await kubectl('-n', 'team-a', 'delete', 'serviceaccount', account);
      // The API server remembers a token that was good for ten seconds.
      await eventually(
        'the token is refused',
        () => statusOf(path),
        (status) => status === 401,
      );
      const before = seen();
      await expectPatience(async () => {
        reads.cut();
        reads.mend();
        await untilFailed(401);
        const edited = await edit();
        expect(seen()).toEqual(before);
        await kubectl('-n', 'team-a', 'create', 'serviceaccount', account);
        await renewToken();
        await untilSeen(edited);
        await untilWatching();
      });
    });

    it('K7 after the rights were cut in one namespace, and the other is none the worse', async () => {
      const path = collectionPath(mcpAuthPolicies, 'team-b');
      await kubectl('-n', 'team-b', 'delete', 'rolebinding', account);
      await eventually(
        'the right is gone',
        () => statusOf(path),
        (status) => status === 403,
      );
      const before = seen();
      await expectPatience(async () => {
        reads.cut();
        reads.mend();
        await untilFailed(403);
        const edited = await edit();
        await untilSeen({ 'team-a': edited['team-a'] ?? '' });
        expect(seen()['team-b']).toBe(before['team-b']);
        await allow('team-b');
        await untilSeen(edited);
        await untilWatching();
      });
    });

    it('K11 after the CRD was deleted and created again; meanwhile there are no policies', async () => {
      await expectPatience(async () => {
        await kubectl('delete', 'crd', 'mcpauthpolicies.mcpauth.dev', '--timeout=60s');
        await eventually(
          'no policies',
          async () => seen(),
          (now) => Object.keys(now).length === 0,
        );
        await untilFailed(404);
        expect(log.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining('CRD'));
        await installCRD();
        await expectToFollow();
        await untilWatching();
      });
    });
  });

  it('K11 after the CRD was deleted while the line was cut: there are no policies', async () => {
    await expectPatience(async () => {
      reads.cut();
      await kubectl('delete', 'crd', 'mcpauthpolicies.mcpauth.dev', '--timeout=60s');
      expect(Object.keys(seen())).toEqual(namespaces);
      reads.mend();
      await eventually(
        'no policies',
        async () => seen(),
        (now) => Object.keys(now).length === 0,
      );
      await installCRD();
      await expectToFollow();
      await untilWatching();
    });
  });

  it('K4 a list starts over when its next page is too old', async () => {
    const inPages: KubeApi['list'] = async (path, query, options) => {
      if (query.continue !== undefined && isFirst) {
        isFirst = false;
        await edit();
        await cluster.compact();
      }
      return reads.list(path, { ...query, limit: 1 }, options);
    };
    let isFirst = true;
    await cluster.apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace: 'team-a' } }),
    );
    const reflector = startReflector({
      ...{ api: { ...reads, list: inPages }, resource: configMaps, namespace: 'team-a' },
      ...{ clock: systemClock, random: Math.random, log, onChange: () => undefined },
    });
    await eventually(
      'the list is complete',
      async () => reflector.isSynced(),
      (isSynced) => isSynced,
    );
    expect(log.lines.map(({ fields }) => fields.code)).toContain(410);
    expect([...reflector.snapshot().keys()]).toEqual(['team-a/b', 'team-a/ca']);
    expect(reflector.get('team-a/ca')).toMatchObject({ data: { ca: `edit-${edits}` } });
    await reflector.stop();
  });
});
