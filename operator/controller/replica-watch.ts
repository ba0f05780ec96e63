import { isDeepStrictEqual } from 'node:util';
import { type ReflectorOptions, startReflector } from './reflector.ts';
import { replicaLabel } from './replica-content.ts';
import {
  abandonedLeases,
  type LiveReplica,
  liveReplicas,
  nextGoneMs,
  observeReplicas,
  type ReplicaView,
} from './replica-view.ts';
import { leases } from './resource.ts';

export interface ReplicaWatchOptions extends Pick<ReflectorOptions, 'api' | 'clock' | 'random' | 'log'> {
  readonly namespace: string;
  /** Labels that the Leases of this installation's replicas have. */
  readonly labels: Readonly<Record<string, string>>;
  /** Called with the live replicas when there are others, or they enforce something else. Must not throw. */
  readonly onChange: (live: readonly LiveReplica[]) => void;
}

/** Follows which replicas are alive and what they enforce. */
export interface ReplicaWatch {
  /** As it is at this moment; empty until all Leases have been read once. */
  live(): readonly LiveReplica[];
  /** Names of Leases that have not been renewed for so many milliseconds. */
  abandoned(ageMs: number): readonly string[];
  stop(): Promise<void>;
}

export function startReplicaWatch(options: ReplicaWatchOptions): ReplicaWatch {
  const { labels, clock } = options;
  let view: ReplicaView = new Map();
  let told: readonly LiveReplica[] = [];
  let cancel: (() => void) | undefined;
  const live = (): readonly LiveReplica[] => liveReplicas(view, clock.monotonicMs());

  const reflector = startReflector({
    ...options,
    resource: leases,
    labelSelector: toSelector({ ...labels, [replicaLabel]: 'true' }),
    onChange() {
      view = observeReplicas(view, reflector.snapshot().values(), clock.monotonicMs());
      tell();
    },
  });

  function tell(): void {
    const now = live();
    cancel?.();
    const goneMs = nextGoneMs(view, clock.monotonicMs());
    cancel = goneMs === undefined ? undefined : clock.after(goneMs, tell);
    if (!isDeepStrictEqual(now, told)) {
      told = now;
      options.onChange(now);
    }
  }

  return {
    live,
    abandoned: (ageMs) => abandonedLeases(view, clock.monotonicMs(), ageMs),
    async stop() {
      const stopped = reflector.stop();
      cancel?.();
      await stopped;
    },
  };
}

function toSelector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
