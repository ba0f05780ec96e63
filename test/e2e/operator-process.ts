import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pickPorts } from '../cluster/loopback-ports.ts';
import { eventually } from './eventually.ts';

const root = join(import.meta.dirname, '../..');

export interface OperatorProcess {
  readonly pid: number;
  readonly publicURL: string;
  readonly adminURL: string;
  /** What it has logged so far. */
  log(): string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface StartOptions {
  readonly publicURL?: null;
  readonly after?: OperatorProcess;
  readonly program?: string;
  readonly nodeOptions?: readonly string[];
  readonly patienceMs?: number;
}

/** Starts the operator as a user would, on free ports, and waits until it is ready. */
export async function startOperatorProcess(
  command: 'run' | 'serve',
  args: readonly string[],
  /**
   * `publicURL: null` leaves it unconfigured; `after` is an operator that has ended, on whose ports this one starts;
   * `program` is the bundle, in the place of the sources; `nodeOptions` are for Node.js itself;
   * `patienceMs` is how long it may take to be ready.
   */
  options: StartOptions = {},
): Promise<OperatorProcess> {
  const [port, adminPort] = options.after === undefined ? await pickPorts(2) : portsOf(options.after);
  const publicURL = `http://127.0.0.1:${port}`;
  const adminURL = `http://127.0.0.1:${adminPort}`;
  const listeners = ['--listen', `127.0.0.1:${port}`, '--admin-listen', `127.0.0.1:${adminPort}`];
  const address = options.publicURL === null ? [] : ['--public-url', publicURL];
  const { nodeOptions = [], program = join(root, 'operator/main.ts') } = options;
  const child = spawn(
    process.execPath,
    [...nodeOptions, program, command, ...address, ...listeners, ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const operator = {
    pid: child.pid as number,
    publicURL,
    adminURL,
    log: () => log,
    signal: (signal: NodeJS.Signals) => void child.kill(signal),
    ended,
    stop: () => stop(child, ended),
  };
  try {
    await eventually(
      'the operator is ready',
      () => fetch(`${adminURL}/readyz`),
      ({ ok }) => ok || child.exitCode !== null,
      options.patienceMs,
    );
    if (child.exitCode !== null) throw new Error(`the operator ended with ${child.exitCode}: ${log}`);
  } catch (error) {
    await stop(child, ended);
    throw new Error(`${(error as Error).message}\n${log}`);
  }
  return operator;
}

function portsOf({ publicURL, adminURL }: OperatorProcess): readonly number[] {
  return [publicURL, adminURL].map((url) => Number(new URL(url).port));
}

async function stop(child: ChildProcess, ended: Promise<number | null>): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  return await ended;
}
