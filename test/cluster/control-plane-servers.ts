import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { getFromApi } from './api-request.ts';
import type { Assets } from './assets.ts';
import { admin, type ClusterFiles } from './cluster-files.ts';
import { pickPorts } from './loopback-ports.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** How long etcd may take to end by itself when it is asked to. */
export const etcdGraceMs = 10_000;

/** As long for kube-apiserver: with an open watch it would wait for a minute, and it has nothing to lose. */
export const apiServerGraceMs = 2_000;

/** As most clusters have it: a name that is not where the API server answers. */
export const serviceAccountIssuer = 'https://kubernetes.default.svc.cluster.local';

const pollMs = 100;
const probeTimeoutMs = 2_000;
const maxPortTries = 5;

/** What both servers are started with. */
export interface ServerContext {
  readonly assets: Assets;
  readonly files: ClusterFiles;
  readonly startTimeoutMs: number;
}

/** What kube-apiserver is started with beside. */
export interface ApiServerSettings {
  readonly port: number;
  readonly etcdUrl: string;
  readonly extraArgs: readonly string[];
}

/**
 * Starts etcd on free ports and waits until it is healthy.
 *
 * @throws when it does not become healthy in time, with the end of its log
 */
export function startEtcd(
  context: ServerContext,
): Promise<{ readonly url: string; readonly server: ServerProcess }> {
  const { assets, files, startTimeoutMs } = context;
  return retryOnTakenPort(async () => {
    const [client, peer] = (await pickPorts(2)).map((port) => `http://127.0.0.1:${port}`);
    const url = `${client}`;
    const server = await startServer({
      file: assets.etcd,
      args: [
        ...[`--data-dir=${files.etcdData}`, '--unsafe-no-fsync'],
        ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
        ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
        `--initial-cluster=default=${peer}`,
      ],
      env: serverEnv(files),
      logFile: join(files.directory, 'etcd.log'),
    });
    const isHealthy = async (signal: AbortSignal) => (await fetch(`${url}/health`, { signal })).ok;
    await untilReady('etcd', server, startTimeoutMs, isHealthy);
    return { url, server };
  });
}

/** Makes etcd forget all revisions before the last one; throws when it does not. */
export async function compactEtcd(url: string): Promise<void> {
  const call = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${url}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) {
      throw new Error(`etcd answers ${response.status} to ${path}`);
    }
    return response.json();
  };
  const anyKey = Buffer.from('a').toString('base64');
  const { header } = (await call('range', { key: anyKey })) as { readonly header: { revision: string } };
  await call('compaction', { revision: header.revision, physical: true });
}

/**
 * Starts kube-apiserver on a port, which it tries again when another process just has it, and waits until it
 * is ready and has its `default` namespace.
 *
 * @throws when it does not become ready in time, with the end of its log
 */
export function startApiServer(context: ServerContext, settings: ApiServerSettings): Promise<ServerProcess> {
  const { assets, files, startTimeoutMs } = context;
  return retryOnTakenPort(async () => {
    const server = await startServer({
      file: assets.kubeApiserver,
      args: [...apiServerArgs(files, settings), ...settings.extraArgs],
      env: serverEnv(files),
      logFile: join(files.directory, 'kube-apiserver.log'),
    });
    await untilReady('kube-apiserver', server, startTimeoutMs, async (signal) => {
      const access = { caFile: files.caFile, token: files.tokens.get(admin) ?? '', signal };
      // The default namespace is created after /readyz says ok.
      for (const path of ['/readyz', '/api/v1/namespaces/default']) {
        if ((await getFromApi(`https://127.0.0.1:${settings.port}${path}`, access)).status !== 200) {
          return false;
        }
      }
      return true;
    });
    return server;
  });
}

/** Runs `start` again, a bounded number of times, while it fails because another process took a port first. */
export async function retryOnTakenPort<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      const isTaken = (error as Error).message.includes('address already in use');
      if (!isTaken || tries === maxPortTries) {
        throw error;
      }
    }
  }
}

function apiServerArgs(files: ClusterFiles, { port, etcdUrl }: ApiServerSettings): readonly string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
    `--cert-dir=${files.certificates}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    `--service-account-issuer=${serviceAccountIssuer}`,
    `--service-account-key-file=${files.publicKeyFile}`,
    `--service-account-signing-key-file=${files.privateKeyFile}`,
    '--api-audiences=https://kubernetes.default.svc',
    `--token-auth-file=${files.tokenFile}`,
    '--authorization-mode=RBAC',
    // It would refuse every Pod: no controller creates the default ServiceAccount.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

/** Keeps out what this machine's environment would change: proxies, ETCD_*, KUBE*. */
function serverEnv(files: ClusterFiles): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: files.home };
}

async function untilReady(
  name: string,
  server: ServerProcess,
  timeoutMs: number,
  isReady: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs);
  while (server.isRunning() && !deadline.aborted) {
    // A stranger on the port may take the connection and never answer.
    const signal = AbortSignal.any([deadline, AbortSignal.timeout(probeTimeoutMs)]);
    if (await isReady(signal).catch(() => false)) {
      return;
    }
    await delay(pollMs);
  }
  const what = server.isRunning() ? `was not ready in ${timeoutMs} ms` : 'ended while starting';
  await server.end(apiServerGraceMs);
  throw new Error(`${name} ${what}; its log ends with\n${await server.logTail()}`);
}
