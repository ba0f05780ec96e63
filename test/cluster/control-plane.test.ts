import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getFromApi } from './api-request.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { isRunning } from './lock.ts';
import { describeWithCluster } from './require-cluster.ts';

const configMap = `
apiVersion: v1
kind: ConfigMap
metadata: { name: greeting, namespace: default }
data: { hello: world }
`;

describeWithCluster('control plane', () => {
  let cluster: ControlPlane;

  beforeAll(async () => {
    cluster = await startControlPlane();
  });

  afterAll(async () => {
    await cluster.stop();
  });

  function readGreeting(token: string): ReturnType<typeof getFromApi> {
    const url = `${cluster.url}/api/v1/namespaces/default/configmaps/greeting`;
    return getFromApi(url, { caFile: cluster.caFile, token });
  }

  it('gives an admin what kubectl applied', async () => {
    await cluster.apply(configMap);

    const { status, body } = await readGreeting(cluster.adminToken);

    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'ConfigMap', data: { hello: 'world' } });
  });

  it('reports the version of the programs it found', async () => {
    const { stdout, code } = await cluster.kubectl(['version', '--output', 'json']);

    expect(code).toBe(0);
    const { clientVersion, serverVersion } = JSON.parse(stdout);
    expect(serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+$/);
    expect(clientVersion.gitVersion).toBe(serverVersion.gitVersion);
  });

  it('refuses a tenant without a role, and a wrong token', async () => {
    const tenant = await readGreeting(cluster.tokenFor('tenant-a'));
    const stranger = await readGreeting('no-such-token');

    expect(tenant).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
    expect(stranger).toMatchObject({ status: 401, body: { reason: 'Unauthorized' } });
  });

  it('runs kubectl as the user asked for, and tells how it ended', async () => {
    const { code, stdout, stderr } = await cluster.kubectl(['get', 'configmaps'], { user: 'tenant-b' });

    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('User "tenant-b" cannot list resource "configmaps"');
  });

  it('fails to apply with the words of kubectl', async () => {
    const applied = cluster.apply('apiVersion: v1\nkind: NoSuchKind\nmetadata: { name: x }\n');

    await expect(applied).rejects.toThrow(/kubectl apply ended with 1: .*no matches for kind "NoSuchKind"/s);
  });

  it('knows only its own users', () => {
    expect(() => cluster.kubeconfigFor('mallory')).toThrow(
      'there is no user mallory, only admin, tenant-a, tenant-b',
    );
  });

  it('keeps the data over an outage of the API server', async () => {
    const url = cluster.url;
    const before = await readGreeting(cluster.adminToken);

    await cluster.stopApiServer();
    await expect(readGreeting(cluster.adminToken)).rejects.toThrow('ECONNREFUSED');
    expect(cluster.processIds()).toHaveLength(1);
    await cluster.startApiServer();

    expect(cluster.url).toBe(url);
    expect(cluster.processIds()).toHaveLength(2);
    expect(await readGreeting(cluster.adminToken)).toEqual(before);
  });

  it('ends the API server while a client watches', async () => {
    const url = `${cluster.url}/api/v1/namespaces/default/configmaps?watch=true`;
    const ca = await readFile(cluster.caFile);
    const watching = get(url, {
      ca,
      agent: false,
      headers: { authorization: `Bearer ${cluster.adminToken}` },
    });
    const [watch] = await once(watching, 'response');
    expect(watch.statusCode).toBe(200);
    const broken = once(watch.resume(), 'close').catch((error: Error) => error);

    await cluster.stopApiServer();
    await broken;
    await cluster.startApiServer();

    expect(cluster.processIds()).toHaveLength(2);
  });

  it('waits for its port when another process just has it', async () => {
    await cluster.stopApiServer();
    const stranger = createServer((socket) => socket.on('error', () => {}));
    await once(stranger.listen(Number(new URL(cluster.url).port), '127.0.0.1'), 'listening');
    const started = cluster.startApiServer();
    await once(stranger, 'connection');
    stranger.close();

    await started;

    expect(cluster.processIds()).toHaveLength(2);
  });

  it('fails with the end of the log when the API server does not start', async () => {
    const started = startControlPlane({ apiServerArgs: ['--no-such-flag'] });

    await expect(started).rejects.toThrow(
      /kube-apiserver ended while starting; its log ends with\n.*unknown flag: --no-such-flag/s,
    );
  });

  it('leaves no process and no file behind', async () => {
    const other = await startControlPlane();
    const pids = other.processIds();
    const directory = dirname(other.kubeconfigPath);
    expect(pids.map(isRunning)).toEqual([true, true]);

    await other.stop();

    for (const pid of pids) {
      expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    }
    expect(existsSync(directory)).toBe(false);
  });
});
