import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pickPorts } from '../cluster/loopback-ports.ts';
import { startServer } from '../cluster/server-process.ts';
import { eventually } from '../e2e/eventually.ts';

const resolve = createRequire(import.meta.url).resolve;

/** An MCP server as people have it, unchanged, on this machine. */
export interface RealServer {
  /** `host:port`. */
  readonly address: string;
  /** Its last lines. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** The official "everything" server (TypeScript SDK v1): revisions up to 2025-11-25, with sessions. */
export async function startEverythingServer(): Promise<RealServer> {
  const [port = 0] = await pickPorts(1);
  const entry = join(
    dirname(resolve('@modelcontextprotocol/server-everything/package.json')),
    'dist/index.js',
  );
  return await start('127.0.0.1', port, {
    file: process.execPath,
    args: ['--import', join(import.meta.dirname, 'loopback-only.mjs'), entry, 'streamableHttp'],
    env: { PORT: String(port) },
  });
}

/** The server of python-server.py (Python SDK): all revisions. */
export async function startPythonServer(python: string): Promise<RealServer> {
  const [port = 0] = await pickPorts(1);
  return await start('127.0.0.1', port, {
    file: python,
    args: [join(import.meta.dirname, 'python-server.py'), String(port)],
  });
}

/** The released kubernetes-mcp-server (Go): with `--stateless` also 2026-07-28. */
export async function startKubernetesMcpServer(
  kubeconfig: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<RealServer> {
  return await start(host, port, {
    file: findKubernetesMcpServer(),
    args: [
      ...['--kubeconfig', kubeconfig, '--cluster-provider', 'kubeconfig'],
      ...['--bind-address', host, '--port', String(port), '--stateless', '--read-only'],
    ],
  });
}

/** The binary of this platform, without the launcher, which would not hand signals on. */
function findKubernetesMcpServer(): string {
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const home = dirname(resolve(`kubernetes-mcp-server-${platform}/package.json`));
  return join(home, 'bin', `kubernetes-mcp-server-${platform}`);
}

async function start(host: string, port: number, { file, args, env = {} }: Program): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-upstream-'));
  const environment = { PATH: process.env.PATH ?? '', HOME: folder, ...env };
  const server = await startServer({ file, args, env: environment, logFile: join(folder, 'log') });
  const stop = async (): Promise<void> => {
    await server.end(5000);
    rmSync(folder, { recursive: true });
  };
  try {
    await eventually(
      'it listens',
      () => accepts(host, port),
      (accepted) => accepted || !server.isRunning(),
    );
    if (!server.isRunning()) throw new Error('it has ended');
  } catch (error) {
    const log = await server.logTail();
    await stop();
    throw new Error(`${file}: ${(error as Error).message}\n${log}`);
  }
  return { address: `${host}:${port}`, log: () => server.logTail(), stop };
}

async function accepts(host: string, port: number): Promise<boolean> {
  const { promise, resolve: answer } = Promise.withResolvers<boolean>();
  const socket = connect(port, host, () => answer(true)).on('error', () => answer(false));
  const accepted = await promise;
  socket.destroy();
  return accepted;
}
