import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const entry = join(import.meta.dirname, '../../operator/main.ts');

/** Starts the operator as a user would, with its log on our standard error. */
export function startOperatorProcess(args: readonly string[]): ChildProcess {
  // In a process group of its own: Ctrl-C reaches us alone, and we end it once.
  const operator = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  process.on('exit', () => operator.kill('SIGKILL'));
  return operator;
}

/** Waits for Ctrl-C, or for the operator to end by itself; then ends it and cleans up. Sets the exit code. */
export async function untilEnded(operator: ChildProcess, cleanUp: () => Promise<void>): Promise<void> {
  const ended = once(operator, 'exit') as Promise<[number | null]>;
  let isStopping = false;
  const stop = (): void => {
    // npm hands the terminal's signal on once more; a second one would make the operator end at once.
    if (!isStopping) operator.kill('SIGTERM');
    isStopping = true;
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const [code] = await ended;
  await cleanUp();
  process.exitCode = code ?? 1;
}
