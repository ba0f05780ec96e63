import { spawn } from 'node:child_process';

/** What a finished command printed, and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code; 128 plus the signal is not computed: a command ended by a signal has code -1. */
  readonly code: number;
}

/** How to run a command: where, with what environment and input, and for how long at most. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
  readonly timeoutMs: number;
}

/**
 * Runs a program to its end and collects its output.
 *
 * @returns the output and exit code, also when the code is not 0
 * @throws when the program cannot be started (`cause` has the system's code, as `ENOENT`) or exceeds its time
 */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const child = spawn(file, args, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutMs);

  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that ends before it has read its input breaks the pipe; its exit code tells the story.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  child.once('error', (cause) => {
    clearTimeout(timer);
    reject(new Error(`${file} could not be started: ${cause.message}`, { cause }));
  });
  child.once('close', (code) => {
    clearTimeout(timer);
    const result = { stdout: textOf(stdout), stderr: textOf(stderr), code: code ?? -1 };
    if (timedOut) {
      const command = [file, ...args].join(' ');
      reject(new Error(`${command} took longer than ${options.timeoutMs} ms: ${result.stderr}`));
    } else {
      resolve(result);
    }
  });
  return promise;
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
