import { isDeepStrictEqual } from 'node:util';
import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import { API_VERSION, KIND, type McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import type { Logger } from '../telemetry/log.ts';
import type { QueueMetrics } from '../telemetry/queue-metrics.ts';
import type { Clock } from '../time/clock.ts';
import { createTokenBucket } from '../time/token-bucket.ts';
import { ApiError, toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { mcpAuthPolicies, objectPath, resourceVersionOf } from './resource.ts';
import { createWorkQueue } from './work-queue.ts';

export interface StatusWriterOptions {
  readonly api: Pick<KubeApi, 'patch'>;
  /** Asked right before each write; what may not be written is dropped. */
  readonly mayWrite?: () => boolean;
  /** Budget for all policies together; 100 when left out. */
  readonly writesPerSecond?: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: QueueMetrics;
}

/**
 * Writes statuses, each policy on its own; of several statuses of one policy only the latest. What users have changed is
 * written before what callers have, and before what is only told again.
 */
export interface StatusWriter {
  /**
   * Takes the status that `policy` should have. Does nothing when it has it. A write is bound to the version of the
   * object given here: it cannot reach a newer or re-created object, for which another offer must come.
   *
   * @param how - `isRetold`: no user has changed anything about the policy, as after a start or a change of the leader
   */
  offer(policy: UntypedObject, status: McpAuthPolicyStatus, how?: { readonly isRetold: boolean }): void;
  /** Aborts writes under way; nothing is written any more. */
  close(): Promise<void>;
}

/** A status to be written, with what the object is known to hold. */
interface Write {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly stored: unknown;
  readonly status: McpAuthPolicyStatus;
  readonly isRetold: boolean;
}

/** What our last write made of an object, until the watch shows it. */
interface Written {
  readonly from: string;
  readonly to: string;
  readonly status: McpAuthPolicyStatus;
}

const contentType = 'application/apply-patch+yaml';
const query = { fieldManager: 'mcp-auth-operator', force: true };
const concurrency = 4;
const backOff = { firstMs: 500, maxMs: 300_000 };
const maxRemembered = 1000;

export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { api, mayWrite = () => true, writesPerSecond = 100, clock, random, log } = options;
  const offered = new Map<string, Write>();
  const written = new Map<string, Written>();
  const budget = createTokenBucket(clock, writesPerSecond);
  const queue = createWorkQueue({
    work: writeOne,
    onFailure: report,
    concurrency,
    backOff,
    budget,
    clock,
    random,
    metrics: options.metrics,
  });

  async function writeOne(key: string, signal: AbortSignal): Promise<void> {
    const write = offered.get(key);
    if (write === undefined) {
      return;
    }
    if (!mayWrite()) {
      offered.delete(key);
      return;
    }
    try {
      const path = `${objectPath(mcpAuthPolicies, write)}/status`;
      const result = await api.patch(path, toApplyPatch(write), contentType, query, signal);
      succeed(key, write, resourceVersionOf(result));
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) {
        throw error;
      }
      // The object is gone: only an offer for another can help.
      if (offered.get(key)?.resourceVersion === write.resourceVersion) {
        offered.delete(key);
      }
    }
  }

  function succeed(key: string, write: Write, resourceVersion: string | undefined): void {
    if (offered.get(key) === write) {
      offered.delete(key);
    }
    remember(key, write, resourceVersion);
    const next = offered.get(key);
    if (next !== undefined) {
      accept(key, next);
    }
  }

  function remember(key: string, { resourceVersion, status }: Write, to: string | undefined): void {
    written.delete(key);
    if (to !== undefined) {
      written.set(key, { from: resourceVersion, to, status });
    }
    const [oldest] = written.keys();
    if (oldest !== undefined && written.size > maxRemembered) {
      written.delete(oldest);
    }
  }

  /**
   * A write bound to the version before our own last one is moved to the version after: between the two nothing but that
   * status has changed. Without this, each offer that is made before the watch shows the write would be a 409.
   */
  function moveOn(key: string, write: Write): Write {
    const last = written.get(key);
    return last?.from === write.resourceVersion
      ? { ...write, resourceVersion: last.to, stored: last.status }
      : write;
  }

  function accept(key: string, given: Write): void {
    const write = moveOn(key, given);
    const waiting = offered.get(key);
    if (isDeepStrictEqual(write.stored, write.status)) {
      offered.delete(key);
    } else if (waiting === undefined || !isDeepStrictEqual(waiting, write)) {
      offered.set(key, write);
      queue.add(key, write.isRetold || isCausedByCallers(write) ? 'later' : 'first');
    }
  }

  function report(key: string, error: unknown, failures: number): void {
    const { code, reason } = toApiError(error);
    // After a conflict the watch brings the newer object soon, and with it another offer.
    const worthSaying = code === 409 ? 4 : 1;
    log[failures === worthSaying ? 'warn' : 'debug']('writing a status failed', {
      policy: key,
      code,
      reason,
    });
  }

  return {
    offer(policy, status, { isRetold } = { isRetold: false }) {
      const { namespace, name, resourceVersion } = policy.metadata;
      // An apply without a version would reach whatever is there.
      if (resourceVersion !== undefined) {
        accept(objectKey(policy.metadata), {
          namespace,
          name,
          resourceVersion,
          stored: policy.status,
          status,
          isRetold,
        });
      }
    },
    close: () => queue.close(),
  };
}

/** Whether a write tells nothing new but what callers met with. */
function isCausedByCallers({ stored, status }: Write): boolean {
  return isDeepStrictEqual(withoutCallerFacts(stored), withoutCallerFacts(status));
}

function withoutCallerFacts(status: unknown): unknown {
  // Whoever may write statuses could have written anything.
  const { verification, ...rest } = Object(status) as Readonly<Record<string, unknown>>;
  const { firstAcceptedTime, rejections, ...test } = Object(verification) as Readonly<
    Record<string, unknown>
  >;
  return { ...rest, test };
}

function toApplyPatch({ namespace, name, resourceVersion, status }: Write): unknown {
  return { apiVersion: API_VERSION, kind: KIND, metadata: { namespace, name, resourceVersion }, status };
}
