/**
 * What one candidate of an election knows, and what it should do next: values only, no clock, no API server.
 *
 * Other holders are judged by how long their record has stayed the same before our eyes, never by the times in it: those
 * are of other clocks. All times here are of our own monotonic clock, in milliseconds.
 */
import { isDeepStrictEqual } from 'node:util';
import type { LeaseSpec } from './lease.ts';

/** The usual numbers of Kubernetes' own leader election. */
export const leaderTimes = {
  /** Others wait so long after the last renewal that they have seen. */
  leaseDurationSeconds: 15,
  /** Who has not renewed for so long is not leader any more: well before others may take over. */
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
} as const;

export interface Election {
  /** Must belong to this process alone. */
  readonly identity: string;
  readonly exists: boolean;
  /** What the Lease said when it was last there, and since when it had said that. */
  readonly seen?: { readonly spec: LeaseSpec; readonly sinceMs: number };
  /** When our last successful write began; absent when we are not the holder. */
  readonly renewedAtMs?: number;
}

/** `wait`: somebody else holds the Lease. */
export type Move = 'wait' | 'create' | 'acquire' | 'renew';

/** Before anything is known. */
export function enterElection(identity: string): Election {
  return { identity, exists: false };
}

/** Takes in what was read at `nowMs`; undefined when there is no Lease. */
export function afterRead(before: Election, spec: LeaseSpec | undefined, nowMs: number): Election {
  if (spec === undefined) {
    return { ...before, exists: false };
  }
  const { renewedAtMs, ...others } = before;
  const isSame = isDeepStrictEqual(before.seen?.spec, spec);
  return {
    ...others,
    exists: true,
    seen: isSame && before.seen ? before.seen : { spec, sinceMs: nowMs },
    ...(spec.holderIdentity === before.identity && renewedAtMs !== undefined ? { renewedAtMs } : {}),
  };
}

/** Takes in that a write of ours succeeded, which began at `beganMs`. */
export function afterWrite({ identity }: Election, spec: LeaseSpec, beganMs: number): Election {
  return { identity, exists: true, seen: { spec, sinceMs: beganMs }, renewedAtMs: beganMs };
}

export function chooseMove({ identity, exists, seen }: Election, nowMs: number): Move {
  const { holderIdentity: holder = '', leaseDurationSeconds = 0 } = seen?.spec ?? {};
  const isHeld = seen !== undefined && nowMs - seen.sinceMs < leaseDurationSeconds * 1000;
  if (holder !== '' && holder !== identity && isHeld) {
    // Also when the Lease has been deleted: its holder may not have noticed.
    return 'wait';
  }
  if (!exists) {
    return 'create';
  }
  return holder === identity ? 'renew' : 'acquire';
}

/** How long we are leader still, in milliseconds; 0 when we are not. */
export function leadsForMs({ renewedAtMs }: Election, nowMs: number): number {
  return renewedAtMs === undefined ? 0 : Math.max(0, renewedAtMs + leaderTimes.renewDeadlineMs - nowMs);
}

/** What to write for a move, at a time of the wall clock. */
export function specFor(move: Exclude<Move, 'wait'>, { identity, seen }: Election, time: string): LeaseSpec {
  const { leaseTransitions = 0, acquireTime = time } = seen?.spec ?? {};
  return {
    holderIdentity: identity,
    leaseDurationSeconds: leaderTimes.leaseDurationSeconds,
    leaseTransitions: move === 'create' ? 0 : countOn(leaseTransitions, move === 'acquire' ? 1 : 0),
    acquireTime: move === 'renew' ? acquireTime : time,
    renewTime: time,
  };
}

/** The API server takes 32 bits. */
function countOn(transitions: number, more: number): number {
  return transitions + more < 2 ** 31 ? transitions + more : 0;
}

/** What to write when we hand over: nobody has to wait. */
export function releasedSpec({ leaseTransitions }: LeaseSpec, time: string): LeaseSpec {
  return {
    ...{ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions },
    ...{ acquireTime: time, renewTime: time },
  };
}
