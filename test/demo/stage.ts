import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const entry = join(import.meta.dirname, '../../operator/main.ts');

/** What a demo runs on. Whatever is started here is ended when the demo is over, the last first. */
export interface Stage {
  /** Aborted by Ctrl-C, or when the operator ends by itself. */
  readonly over: AbortSignal;
  use<T>(start: () => Promise<T> | T, end: (thing: T) => Promise<unknown> | unknown): Promise<T>;
  /** Starts the operator as a user would, with its log on our standard error. */
  startOperator(args: readonly string[]): Promise<void>;
}

/** Plays until the demo is over or fails, and sets the exit code. */
export async function onStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  await using things = new AsyncDisposableStack();

  async function use<T>(
    start: () => Promise<T> | T,
    end: (thing: T) => Promise<unknown> | unknown,
  ): Promise<T> {
    over.signal.throwIfAborted();
    const thing = await start();
    things.defer(async () => {
      await end(thing);
    });
    over.signal.throwIfAborted();
    return thing;
  }

  async function startOperator(args: readonly string[]): Promise<void> {
    const operator = spawn(process.execPath, [entry, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      // In a process group of its own: Ctrl-C reaches us alone, and we end it once.
      detached: true,
    });
    process.on('exit', () => operator.kill('SIGKILL'));
    const ended = once(operator, 'exit').then(([code]) => {
      process.exitCode = (code as number | null) ?? 1;
      stop();
    });
    await use(
      () => operator,
      async () => {
        operator.kill('SIGTERM');
        await ended;
      },
    );
  }

  try {
    await play({ over: over.signal, use, startOperator });
    if (!over.signal.aborted) await once(over.signal, 'abort');
  } catch (error) {
    if (over.signal.aborted) return;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
