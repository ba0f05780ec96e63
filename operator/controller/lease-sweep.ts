import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { leases, objectPath } from './resource.ts';

export interface LeaseSweepOptions {
  readonly api: Pick<KubeApi, 'remove'>;
  readonly namespace: string;
  /** Names of Leases that have not been renewed for so many milliseconds. */
  readonly abandoned: (ageMs: number) => readonly string[];
  /** Only one replica sweeps. */
  readonly isLeader: () => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A pod that crashed leaves its Lease behind, and the next one has another name. */
const abandonedMs = 600_000;
const everyMs = 600_000;

/** Removes, now and then, the Leases that replicas have left behind. Returns what ends it. */
export function startLeaseSweep({
  api,
  namespace,
  abandoned,
  isLeader,
  clock,
  log,
}: LeaseSweepOptions): () => void {
  let cancel = clock.after(everyMs, sweep);

  function sweep(): void {
    if (isLeader()) for (const name of abandoned(abandonedMs)) void remove(name);
    cancel = clock.after(everyMs, sweep);
  }

  async function remove(name: string): Promise<void> {
    try {
      await api.remove(objectPath(leases, { namespace, name }));
      log.info('removed the Lease of a replica that has ended', { lease: name, namespace });
    } catch (error) {
      const { code, reason } = toApiError(error);
      log.debug('removing the Lease of a replica that has ended failed', { lease: name, code, reason });
    }
  }

  return () => cancel();
}
