import type { Installation } from './installation.ts';
import { timeUntil } from './load.ts';

/**
 * Ends a replica and starts it again, as a rolling update does: a balancer takes it out of rotation as soon as it is not
 * ready.
 *
 * @param program - the bundle to start in its place; the sources when left out
 * @returns the exit code, and how many milliseconds the new one took to be ready
 */
export async function restart(
  { replicas, inRotation, start }: Installation,
  name: string,
  program?: string,
): Promise<{ readonly code: number | null; readonly readyMs: number }> {
  const replica = replicas.get(name);
  if (replica === undefined) throw new Error(`there is no replica ${name}`);
  const ended = replica.stop();
  await timeUntil(`${name} is not ready`, 10_000, async () => {
    const { status } = await fetch(`${replica.adminURL}/readyz`);
    return status === 503;
  });
  inRotation.delete(name);
  const code = await ended;
  const startMs = performance.now();
  await start(name, program);
  return { code, readyMs: performance.now() - startMs };
}
