import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const shownLogLines = 30;

/** What to start: a program, its arguments, its whole environment, and the file its output goes to. */
export interface ServerOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** A server of ours that runs, or ran. */
export interface ServerProcess {
  readonly pid: number;
  /** Tells whether it still runs. */
  isRunning(): boolean;
  /** Reads the last lines it logged. */
  logTail(): Promise<string>;
  /** Ends it with SIGTERM, or SIGKILL when it still runs after `graceMs`; resolves when it is gone. */
  end(graceMs: number): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) {
    child.kill('SIGKILL');
  }
});

/**
 * Starts a server that does not outlive this process, however this process ends.
 *
 * @throws when the program cannot be started
 */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { file, args, env, logFile } = options;
  const log = openSync(logFile, 'w');
  const child = spawn(file, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  await once(child, 'spawn');
  const pid = child.pid as number;
  const guard = startGuard(pid);
  running.add(child);
  const exited = once(child, 'exit').then(() => {
    running.delete(child);
    guard.kill('SIGKILL');
  });
  return {
    pid,
    isRunning: () => running.has(child),
    logTail: async () =>
      (await readFile(logFile, 'utf8')).trim().split('\n').slice(-shownLogLines).join('\n'),
    end: async (graceMs) => {
      child.kill('SIGTERM');
      const abort = new AbortController();
      const graceIsOver = delay(graceMs, true, { signal: abort.signal }).catch(() => false);
      if (await Promise.race([exited.then(() => false), graceIsOver])) {
        child.kill('SIGKILL');
      }
      abort.abort();
      await exited;
    },
  };
}

/**
 * Starts a shell that kills `pid` when this process is gone.
 *
 * An exit hook does not run when a signal ends this process; the end of the shell's input comes in any case.
 */
function startGuard(pid: number): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r line; kill -KILL "$1"', 'guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A group of its own: an interrupt from the keyboard must not end the guard before it has done its work.
    detached: true,
  });
  guard.unref();
  return guard;
}
