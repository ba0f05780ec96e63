/**
 * A real Kubernetes control plane for tests: etcd and kube-apiserver on loopback ports, in a temporary
 * directory, with the pinned kubectl.
 *
 * There is no controller manager: nothing creates default ServiceAccounts, collects garbage or finishes the
 * deletion of a namespace. Each suite makes a namespace of its own and leaves it behind.
 */
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findAssets } from './assets.ts';
import { admin, createClusterFiles, kubeconfigFile, writeKubeconfigs } from './cluster-files.ts';
import {
  apiServerGraceMs,
  compactEtcd,
  etcdGraceMs,
  retryOnTakenPort,
  type ServerContext,
  startApiServer,
  startEtcd,
} from './control-plane-servers.ts';
import { pickPorts } from './loopback-ports.ts';
import { waysToProvide } from './programs.ts';
import { type CommandResult, runCommand } from './run-command.ts';
import type { ServerProcess } from './server-process.ts';

const kubectlTimeoutMs = 60_000;

/** What may differ between control planes. */
export interface ControlPlaneOptions {
  /** Users without any permission, beside `admin`; `tenant-a` and `tenant-b` when left out. */
  readonly tenants?: readonly string[];
  /** Further flags of kube-apiserver. */
  readonly apiServerArgs?: readonly string[];
  /** How long a server may take to become ready; a minute when left out. */
  readonly startTimeoutMs?: number;
}

/** How to call kubectl: as whom (`admin` when left out), with which input, and for how long at most. */
export interface KubectlOptions {
  readonly user?: string;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

/** A running control plane. */
export interface ControlPlane {
  /** The API server's address, without a trailing slash. */
  readonly url: string;
  /** The PEM file to trust for `url`. */
  readonly caFile: string;
  /** The bearer token of `admin`, a member of system:masters. */
  readonly adminToken: string;
  /** The kubeconfig file of `admin`. */
  readonly kubeconfigPath: string;
  /** Names the kubeconfig file of a user; throws for an unknown one. */
  kubeconfigFor(user: string): string;
  /** Gives the bearer token of a user; throws for an unknown one. */
  tokenFor(user: string): string;
  /** Lists the ids of the processes that run now: etcd, and the API server unless it is stopped. */
  processIds(): readonly number[];
  /** Runs the pinned kubectl; throws only when it exceeds its time, else the code tells. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<CommandResult>;
  /** Applies YAML documents server-side as `admin`; throws with kubectl's words when refused. */
  apply(manifests: string): Promise<void>;
  /** Ends the API server and keeps its data: an outage. */
  stopApiServer(): Promise<void>;
  /** Starts the API server again, on the same port and data; does nothing when it runs. */
  startApiServer(): Promise<void>;
  /** Makes etcd forget all versions but the last, as it is told every five minutes. */
  compact(): Promise<void>;
  /** Ends both servers and removes the directory. */
  stop(): Promise<void>;
}

/**
 * Starts a control plane and waits until it is ready and has its `default` namespace.
 *
 * @throws when the programs are missing, or a server does not become ready in time (with the end of its log)
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const assets = await findAssets();
  if (assets === undefined) {
    throw new Error(`kube-apiserver, etcd and kubectl are missing; either ${waysToProvide.join('; or ')}`);
  }
  const files = await createClusterFiles(options.tenants ?? ['tenant-a', 'tenant-b']);
  const context = { assets, files, startTimeoutMs: options.startTimeoutMs ?? 60_000 };
  const controlPlane = new RunningControlPlane(context, options.apiServerArgs ?? []);
  try {
    await controlPlane.start();
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  return controlPlane;
}

class RunningControlPlane implements ControlPlane {
  readonly #context: ServerContext;
  readonly #extraArgs: readonly string[];
  readonly #removeFiles: () => void;
  #etcd: ServerProcess | undefined;
  #etcdUrl = '';
  #apiServer: ServerProcess | undefined;
  #port = 0;

  constructor(context: ServerContext, extraArgs: readonly string[]) {
    this.#context = context;
    this.#extraArgs = extraArgs;
    this.#removeFiles = () =>
      rmSync(context.files.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get caFile(): string {
    return this.#context.files.caFile;
  }

  get adminToken(): string {
    return this.tokenFor(admin);
  }

  get kubeconfigPath(): string {
    return this.kubeconfigFor(admin);
  }

  kubeconfigFor(user: string): string {
    this.tokenFor(user);
    return kubeconfigFile(this.#context.files, user);
  }

  tokenFor(user: string): string {
    const { tokens } = this.#context.files;
    const token = tokens.get(user);
    if (token === undefined) {
      throw new Error(`there is no user ${user}, only ${[...tokens.keys()].join(', ')}`);
    }
    return token;
  }

  processIds(): readonly number[] {
    return [this.#etcd, this.#apiServer].flatMap((server) => (server?.isRunning() ? [server.pid] : []));
  }

  kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<CommandResult> {
    const { assets, files } = this.#context;
    const env = {
      PATH: process.env.PATH,
      HOME: files.home,
      KUBECACHEDIR: join(files.home, 'cache'),
      KUBECONFIG: this.kubeconfigFor(options.user ?? admin),
      KUBERC: 'off',
    };
    const timeoutMs = options.timeoutMs ?? kubectlTimeoutMs;
    return runCommand(assets.kubectl, args, { env, timeoutMs, stdin: options.stdin ?? '' });
  }

  async apply(manifests: string): Promise<void> {
    // Server-side: a large CRD does not fit into the annotation of a client-side apply.
    const args = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
    const { code, stderr } = await this.kubectl(args, { stdin: manifests });
    if (code !== 0) {
      throw new Error(`kubectl apply ended with ${code}: ${stderr}`);
    }
  }

  async start(): Promise<void> {
    process.once('exit', this.#removeFiles);
    const { server, url } = await startEtcd(this.#context);
    this.#etcd = server;
    this.#etcdUrl = url;
    await retryOnTakenPort(async () => {
      const [port = 0] = await pickPorts(1);
      this.#port = port;
      await this.startApiServer();
    });
    await writeKubeconfigs(this.#context.files, this.url);
  }

  async startApiServer(): Promise<void> {
    if (this.#apiServer?.isRunning() !== true) {
      const settings = { port: this.#port, etcdUrl: this.#etcdUrl, extraArgs: this.#extraArgs };
      this.#apiServer = await startApiServer(this.#context, settings);
    }
  }

  async stopApiServer(): Promise<void> {
    await this.#apiServer?.end(apiServerGraceMs);
  }

  compact(): Promise<void> {
    return compactEtcd(this.#etcdUrl);
  }

  async stop(): Promise<void> {
    await this.stopApiServer();
    await this.#etcd?.end(etcdGraceMs);
    process.off('exit', this.#removeFiles);
    await rm(this.#context.files.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
