import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';

/** npm hands a terminal's signal on to a process that the terminal has already told: the same wish, said twice. */
const echoMs = 1_000;

/** Resolves with the first signal to stop; a later one ends the process at once, with exit code 1. */
export async function untilStopped(log: Logger, clock: Clock): Promise<NodeJS.Signals> {
  return await new Promise((resolve) => {
    let firstMs: number | undefined;
    const take = (signal: NodeJS.Signals): void => {
      const nowMs = clock.monotonicMs();
      if (firstMs !== undefined && nowMs - firstMs >= echoMs) process.exit(1);
      if (firstMs !== undefined) return;
      firstMs = nowMs;
      log.info('stopping', { signal });
      resolve(signal);
    };
    process.on('SIGTERM', take);
    process.on('SIGINT', take);
  });
}
