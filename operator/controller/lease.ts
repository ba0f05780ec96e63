import { isJsonObject } from '../json/json-object.ts';

/** Calls about Leases have less time than others: who waits longer loses what the Lease is about. */
export const leaseCallDeadlineMs = 5_000;

/** What a Lease says: who holds it, for how long after each renewal, and since when. */
export interface LeaseSpec {
  /** Empty when nobody holds it. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  /** How often it has passed from one to another. */
  readonly leaseTransitions: number;
  /** A time of the holder's clock, which nobody else should reckon with; as is `renewTime`. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
}

/** None of ours lasts longer. Whoever wrote an hour into a Lease would hold up everybody for an hour, deleted or not. */
const longestSeconds = 60;

/** Reads the spec of a Lease; what it does not say counts as 0 or empty, and no duration as more than a minute. */
export function readLeaseSpec(raw: unknown): LeaseSpec {
  const given = isJsonObject(raw) ? raw : {};
  const { acquireTime, renewTime } = given;
  return {
    holderIdentity: typeof given.holderIdentity === 'string' ? given.holderIdentity : '',
    leaseDurationSeconds: Math.min(longestSeconds, numberOr0(given.leaseDurationSeconds)),
    leaseTransitions: numberOr0(given.leaseTransitions),
    ...(typeof acquireTime === 'string' ? { acquireTime } : {}),
    ...(typeof renewTime === 'string' ? { renewTime } : {}),
  };
}

function numberOr0(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
