import { isJsonObject, type JsonObject } from '../json/json-object.ts';
import type { Clock } from '../time/clock.ts';
import { withDeadline } from '../time/deadline.ts';
import { ApiError, localError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { type LeaseSpec, leaseCallDeadlineMs, readLeaseSpec } from './lease.ts';
import { apiVersionOf, collectionPath, leases, objectPath, resourceVersionOf } from './resource.ts';

export interface ElectionLeaseOptions {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  readonly name: string;
  readonly clock: Clock;
}

/** One version of a Lease. */
export interface LeaseVersion {
  readonly spec: LeaseSpec;
  /** As the API server gave it; whatever else is in there is kept when we write. */
  readonly object: JsonObject;
}

/** A Lease that many write to: each only the version that it has read. Every failure is an `ApiError`. */
export interface ElectionLease {
  /** Undefined when there is none. */
  read(signal: AbortSignal): Promise<LeaseVersion | undefined>;
  /** Replaces the version `before`, or creates the Lease when that is undefined; 409 when somebody was quicker. */
  write(before: LeaseVersion | undefined, spec: LeaseSpec, signal: AbortSignal): Promise<LeaseVersion>;
}

export function createElectionLease({ api, namespace, name, clock }: ElectionLeaseOptions): ElectionLease {
  const path = objectPath(leases, { namespace, name });
  const inTime = <T>(outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    withDeadline(clock, leaseCallDeadlineMs, outer, work);

  return {
    read: (outer) =>
      inTime(outer, async (signal) => {
        try {
          return toVersion(await api.get(path, signal));
        } catch (error) {
          if (error instanceof ApiError && error.code === 404) return undefined;
          throw error;
        }
      }),
    write: (before, spec, outer) =>
      inTime(outer, async (signal) => {
        const body = toBody({ namespace, name }, before, spec);
        const answer =
          before === undefined
            ? await api.create(collectionPath(leases, namespace), body, signal)
            : await api.update(path, body, signal);
        return toVersion(answer);
      }),
  };
}

function toBody(metadata: JsonObject, before: LeaseVersion | undefined, spec: LeaseSpec): JsonObject {
  const { object = { metadata } } = before ?? {};
  const others = isJsonObject(object.spec) ? object.spec : {};
  return { ...object, apiVersion: apiVersionOf(leases), kind: leases.kind, spec: { ...others, ...spec } };
}

function toVersion(object: unknown): LeaseVersion {
  // Without a version the next write would reach whatever is there.
  if (!isJsonObject(object) || resourceVersionOf(object) === undefined) {
    throw localError('MalformedBody');
  }
  return { spec: readLeaseSpec(object.spec), object };
}
