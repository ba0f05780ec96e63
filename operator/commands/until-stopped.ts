import type { Logger } from '../telemetry/log.ts';

/** Resolves with the first signal to stop; the second one ends the process at once. */
export async function untilStopped(log: Logger): Promise<void> {
  await new Promise<void>((resolve) => {
    let isStopping = false;
    const take = (signal: NodeJS.Signals): void => {
      if (isStopping) process.exit(1);
      isStopping = true;
      log.info('stopping', { signal });
      resolve();
    };
    process.on('SIGTERM', take);
    process.on('SIGINT', take);
  });
}
