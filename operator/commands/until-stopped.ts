import { constants } from 'node:os';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';

/** npm hands a terminal's Ctrl-C on to a process that the terminal has already told: the same wish, said twice. */
const echoMs = 1_000;

const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * A container's first process ignores signals that it does not listen for: kubelet would wait out the whole grace of a pod that it
 * stops while the program starts. So these end it, as they do elsewhere by themselves, until `untilStopped` takes them.
 */
export function endAtSignals(): void {
  for (const signal of signals) process.on(signal, end);
}

function end(signal: NodeJS.Signals): void {
  process.exit(128 + constants.signals[signal]);
}

/** Resolves with the first signal to stop; a second one ends the process at once, with exit code 1. */
export async function untilStopped(log: Logger, clock: Clock): Promise<NodeJS.Signals> {
  return await new Promise((resolve) => {
    let first: Received | undefined;
    const take = (signal: NodeJS.Signals): void => {
      const received = { signal, atMs: clock.monotonicMs() };
      if (first !== undefined) {
        if (!isEcho(received, first)) process.exit(1);
        return;
      }
      first = received;
      log.info('stopping', { signal });
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, take).off(signal, end);
  });
}

interface Received {
  readonly signal: NodeJS.Signals;
  readonly atMs: number;
}

function isEcho(later: Received, first: Received): boolean {
  return later.signal === 'SIGINT' && first.signal === 'SIGINT' && later.atMs - first.atMs < echoMs;
}
