import { accessSync, readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parseDocument } from 'yaml';
import { isJsonObject } from '../json/json-object.ts';
import type { ApiServerMetrics } from '../telemetry/api-server-metrics.ts';
import type { Clock } from '../time/clock.ts';
import { detailOf } from './api-error.ts';
import { createKubeApi, type KubeApi } from './kube-api.ts';

const serviceAccountFiles = ['token', 'ca.crt'].map(
  (name) => `/var/run/secrets/kubernetes.io/serviceaccount/${name}`,
);

/** What the library makes up when it finds nothing: a server on localhost. */
const contextOfNothing = 'loaded-context';

/**
 * Finds the cluster: the given file, else the pod's service account, else what kubectl would use (`KUBECONFIG`,
 * `~/.kube/config`). Nothing is sent yet.
 *
 * This is the only file that knows the Kubernetes client library. Of that we use the reading of kubeconfig files and
 * the credentials: tokens, token files, client certificates, exec plugins, proxies, custom CAs.
 *
 * @throws when the file cannot be read, or names no cluster that can be used
 */
export function connectToCluster({
  kubeconfig,
  clock,
  metrics,
}: {
  kubeconfig?: string;
  clock: Clock;
  metrics?: Pick<ApiServerMetrics, 'noteRequest'>;
}): KubeApi {
  let config = loadConfig(kubeconfig);
  const server = serverOf(config);

  async function authenticate(options: RequestOptions): Promise<void> {
    const { agent } = options;
    await config.applyToHTTPSOptions(options);
    if (config.getCurrentCluster()?.proxyUrl === undefined) {
      // The library's agent keeps the first CA it saw and opens a connection per request.
      options.agent = agent;
    }
    trimAuthorization(options.headers as OutgoingHttpHeaders);
  }

  /** Reads everything again; what the library remembers (exec credentials, proxy agents) is forgotten. */
  function renew(): void {
    try {
      config = loadConfig(kubeconfig);
    } catch {
      // Perhaps the file is being replaced: the old one may still do, and its failures are reported by the calls.
    }
  }

  return createKubeApi({ server, authenticate, renew, clock, metrics });
}

function loadConfig(kubeconfig: string | undefined): KubeConfig {
  const config = new TokenFileConfig();
  try {
    if (kubeconfig !== undefined) {
      config.loadFromFile(kubeconfig);
    } else if (serviceAccountFiles.every(isReadable)) {
      config.loadFromCluster();
    } else {
      config.loadFromDefault();
    }
  } catch (error) {
    // Without the cause: a YAML error quotes the lines around it, and those may hold a token.
    throw new Error(`the kubeconfig cannot be read: ${detailOf(error)}`);
  }
  return config;
}

/**
 * Understands `tokenFile` of a user, which kubectl does and the library does not (it knows `token-file`, and reads that
 * once). Of several files in `KUBECONFIG` only the first is read in this way.
 */
class TokenFileConfig extends KubeConfig {
  override loadFromFile(...[file, options]: Parameters<KubeConfig['loadFromFile']>): void {
    super.loadFromFile(file, options);
    const tokenFiles = readTokenFiles(file);
    this.users = this.users.map((user) => {
      const tokenFile = tokenFiles.get(user.name);
      if (tokenFile === undefined) {
        return user;
      }
      // Without the token: the library would prefer it to the file.
      const { token: _, ...others } = user;
      return { ...others, authProvider: { name: 'tokenFile', config: { tokenFile } } };
    });
  }
}

/** The token files that a kubeconfig names, by the name of the user. The library has judged the YAML before. */
function readTokenFiles(kubeconfig: string): ReadonlyMap<string, string> {
  const content: unknown = parseDocument(readFileSync(kubeconfig, 'utf8')).toJS();
  const users =
    isJsonObject(content) && Array.isArray(content.users) ? content.users.filter(isJsonObject) : [];
  return new Map(
    users.flatMap(({ name, user }) =>
      typeof name === 'string' && isJsonObject(user) && typeof user.tokenFile === 'string'
        ? [[name, resolve(dirname(kubeconfig), user.tokenFile)]]
        : [],
    ),
  );
}

function serverOf(config: KubeConfig): string {
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.currentContext === contextOfNothing) {
    throw new Error('no cluster is configured: there is no kubeconfig, or it has no current context');
  }
  if (!cluster.server.startsWith('https:') && !cluster.skipTLSVerify) {
    throw new Error('the kubeconfig names a server without TLS: credentials are not sent there');
  }
  return new URL(cluster.server).href;
}

/** A token file may end with a line break, which no header may hold. */
function trimAuthorization(headers: OutgoingHttpHeaders): void {
  const { Authorization: value } = headers;
  if (typeof value === 'string') {
    headers.Authorization = value.trim();
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}
