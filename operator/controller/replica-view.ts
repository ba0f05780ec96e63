/**
 * Which replicas are alive, judged like the holder of an election: by how long a Lease has stayed the same before our
 * eyes. All times are of our own monotonic clock, in milliseconds.
 */
import { isDeepStrictEqual } from 'node:util';
import type { UntypedObject } from '../api/kubernetes-object.ts';
import { type LeaseSpec, readLeaseSpec } from './lease.ts';
import type { ReplicaContent } from './replica-content.ts';

/** The Leases of replicas by name, and since when they have not been renewed. */
export type ReplicaView = ReadonlyMap<string, SeenReplica>;

interface SeenReplica {
  readonly spec: LeaseSpec;
  readonly sinceMs: number;
  readonly content: ReplicaContent;
}

export interface LiveReplica {
  readonly name: string;
  readonly content: ReplicaContent;
}

/** Takes in all Leases of replicas as they are at `nowMs`. */
export function observeReplicas(
  before: ReplicaView,
  leases: Iterable<UntypedObject>,
  nowMs: number,
): ReplicaView {
  const view = new Map<string, SeenReplica>();
  for (const { metadata, spec: raw } of leases) {
    const spec = readLeaseSpec(raw);
    const known = before.get(metadata.name);
    const isSame = known !== undefined && isDeepStrictEqual(known.spec, spec);
    const sinceMs = isSame ? known.sinceMs : nowMs;
    view.set(metadata.name, { spec, sinceMs, content: metadata.annotations ?? {} });
  }
  return view;
}

/** The replicas that hold their Lease and have renewed it in time, in the order of their names. */
export function liveReplicas(view: ReplicaView, nowMs: number): readonly LiveReplica[] {
  return [...view]
    .filter(([, replica]) => livesForMs(replica, nowMs) > 0)
    .map(([name, { content }]) => ({ name, content }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Leases that nobody has renewed for so long: their replicas ended without a word and do not come back. */
export function abandonedLeases(view: ReplicaView, nowMs: number, ageMs: number): readonly string[] {
  return [...view].filter(([, { sinceMs }]) => nowMs - sinceMs >= ageMs).map(([name]) => name);
}

/** When the next replica is gone if nothing is renewed: milliseconds from now; undefined when none is alive. */
export function nextGoneMs(view: ReplicaView, nowMs: number): number | undefined {
  const times = [...view.values()].map((replica) => livesForMs(replica, nowMs)).filter((ms) => ms > 0);
  return times.length === 0 ? undefined : Math.min(...times);
}

function livesForMs({ spec, sinceMs }: SeenReplica, nowMs: number): number {
  return spec.holderIdentity === '' ? 0 : Math.max(0, sinceMs + spec.leaseDurationSeconds * 1000 - nowMs);
}
