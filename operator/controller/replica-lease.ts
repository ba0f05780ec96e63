import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../telemetry/log.ts';
import { backOffMs } from '../time/back-off.ts';
import type { Clock } from '../time/clock.ts';
import { withDeadline } from '../time/deadline.ts';
import { ApiError, toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { type LeaseSpec, leaseCallDeadlineMs } from './lease.ts';
import { formatMicroTime } from './micro-time.ts';
import { type ReplicaContent, replicaLabel } from './replica-content.ts';
import { apiVersionOf, leases, objectPath } from './resource.ts';

export interface ReplicaLeaseOptions {
  readonly api: Pick<KubeApi, 'patch' | 'remove'>;
  readonly namespace: string;
  /** Of the Lease, which is this replica's alone. */
  readonly name: string;
  /** Labels by which an installation finds the Leases of its replicas. */
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** The Lease by which a replica says that it is alive and what it enforces. */
export interface ReplicaLease {
  /** Says what this replica enforces now. From the first time on the Lease exists, and the replica counts. */
  publish(content: ReplicaContent): void;
  /** Deletes the Lease: the replica counts no more. Ends within five seconds; a Lease that stays expires. */
  stop(): Promise<void>;
}

/** Who has not renewed for this long is gone: four renewals have failed. */
const durationSeconds = 40;
const renewMs = 10_000;
/** However often the content changes, it is written no more often. */
const pauseMs = 1_000;
const backOff = { firstMs: 1_000, maxMs: renewMs };
const stopDeadlineMs = 5_000;

// An apply creates what is missing and takes away annotations that are not said any more. Nobody else writes to it.
const contentType = 'application/apply-patch+yaml';
const query = { fieldManager: 'mcp-auth-operator', force: true };

/** Begins; nothing is written before the first content is published. */
export function startReplicaLease(options: ReplicaLeaseOptions): ReplicaLease {
  const { api, namespace, name, clock, random, log } = options;
  const path = objectPath(leases, { namespace, name });
  const calling = new AbortController();
  const acquireTime = formatMicroTime(clock.nowMs());
  let content: ReplicaContent | undefined;
  let written: ReplicaContent | undefined;
  let beganMs = Number.NEGATIVE_INFINITY;
  let retryMs: number | undefined;
  let failures = 0;
  let cancel: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  const inTime = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    withDeadline(clock, leaseCallDeadlineMs, calling.signal, work);

  function schedule(): void {
    if (content === undefined || running !== undefined || stopped !== undefined) {
      return;
    }
    const restMs = retryMs ?? (isDeepStrictEqual(content, written) ? renewMs : pauseMs);
    cancel?.();
    cancel = clock.after(Math.max(0, beganMs + restMs - clock.monotonicMs()), start);
  }

  function start(): void {
    if (content !== undefined) {
      beganMs = clock.monotonicMs();
      running = write(content).finally(() => {
        running = undefined;
        schedule();
      });
    }
  }

  async function write(saying: ReplicaContent): Promise<void> {
    try {
      const body = toLease(options, saying, acquireTime);
      await inTime((signal) => api.patch(path, body, contentType, query, signal));
      written = saying;
      retryMs = undefined;
      if (failures > 0)
        log.info('renewing the Lease of this replica works again', { lease: name, namespace });
      failures = 0;
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    failures += 1;
    const { code, reason, retryAfterSeconds } = toApiError(error);
    retryMs = clock.monotonicMs() - beganMs + backOffMs(backOff, failures, random(), retryAfterSeconds);
    log[failures === 1 ? 'warn' : 'debug']('renewing the Lease of this replica failed', {
      ...{ lease: name, namespace, code, reason },
    });
  }

  async function remove(): Promise<void> {
    try {
      await inTime((signal) => api.remove(path, signal));
    } catch (error) {
      const { code, reason } = toApiError(error);
      if (!(error instanceof ApiError && code === 404)) {
        log.warn('deleting the Lease of this replica failed', { lease: name, namespace, code, reason });
      }
    }
  }

  async function stop(): Promise<void> {
    cancel?.();
    const cancelLimit = clock.after(stopDeadlineMs, () => calling.abort());
    await running;
    // Also after failures: a write may have arrived whose answer did not.
    if (content !== undefined) await remove();
    cancelLimit();
  }

  return {
    publish(next) {
      content = next;
      schedule();
    },
    stop: () => (stopped ??= stop()),
  };
}

function toLease(
  { namespace, name, labels, clock }: ReplicaLeaseOptions,
  annotations: ReplicaContent,
  acquireTime: string,
): unknown {
  const spec: LeaseSpec = {
    ...{ holderIdentity: name, leaseDurationSeconds: durationSeconds, leaseTransitions: 0 },
    ...{ acquireTime, renewTime: formatMicroTime(clock.nowMs()) },
  };
  return {
    ...{ apiVersion: apiVersionOf(leases), kind: leases.kind },
    metadata: { namespace, name, labels: { ...labels, [replicaLabel]: 'true' }, annotations },
    spec,
  };
}
