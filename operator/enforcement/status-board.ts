import { isDeepStrictEqual } from 'node:util';
import { type ObjectMeta, objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { shortDigest, statusFor } from '../policy/status.ts';
import type { Clock } from '../time/clock.ts';
import type { PolicyReport } from './enforcement.ts';
import { readStoredStatus } from './stored-status.ts';

/** A policy as the cluster shows it. */
export interface ShownPolicy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'generation'>;
  readonly spec: unknown;
  readonly status: McpAuthPolicyStatus | undefined;
}

export interface StatusBoard {
  /** Computes the statuses again; `onStatus` is called for every policy that has one. */
  update(objects: readonly UntypedObject[], reports: readonly PolicyReport[]): void;
  list(): readonly ShownPolicy[];
}

export interface StatusBoardParts {
  readonly clock: Clock;
  readonly operatorVersion: string;
  /** Whether the statuses computed here are those that are stored; else what others have stored is gone by. */
  readonly isAuthor: () => boolean;
  /** `isNew`: it differs from the one before. */
  readonly onStatus: (object: UntypedObject, status: McpAuthPolicyStatus, isNew: boolean) => void;
}

type Known = ShownPolicy & { readonly uid?: string | undefined };

/** Knows the last status of every policy, so that the next one keeps its times and only changes are told. */
export function createStatusBoard({
  clock,
  operatorVersion,
  isAuthor,
  onStatus,
}: StatusBoardParts): StatusBoard {
  let shown = new Map<string, Known>();

  return {
    update(objects, reports) {
      const reportOf = new Map(reports.map((report) => [objectKey(report.outcome), report]));
      const before = shown;
      shown = new Map();
      for (const object of objects) {
        const key = objectKey(object.metadata);
        const status = tell(object, before.get(key), reportOf.get(key));
        shown.set(key, { ...show(object, status), uid: object.metadata.uid });
      }
    },
    list: () => [...shown.values()].map(({ uid: _, ...policy }) => policy),
  };

  /** Computes and tells the next status; gives the last one when there is nothing to say. */
  function tell(
    object: UntypedObject,
    known: Known | undefined,
    report: PolicyReport | undefined,
  ): McpAuthPolicyStatus | undefined {
    // A policy that was deleted and made again is another one.
    const previous = known?.uid === object.metadata.uid ? known?.status : undefined;
    const stored = (isAuthor() ? previous : undefined) ?? readStoredStatus(object);
    if (report === undefined || !speaksFor(report, stored)) return previous;
    const status = compute(report, stored);
    onStatus(object, status, !isDeepStrictEqual(status, stored));
    return status;
  }

  function compute(report: PolicyReport, previous: McpAuthPolicyStatus | undefined): McpAuthPolicyStatus {
    const { outcome, compiled, observation } = report;
    return statusFor({
      outcome,
      ...(compiled === undefined ? {} : { compiled }),
      ...(observation === undefined ? {} : { observation }),
      ...(previous === undefined ? {} : { previous }),
      operatorVersion,
      nowMs: clock.nowMs(),
    });
  }
}

/**
 * Whether a report should become the status. While keys are asked for and the self-test waits, a status of this same
 * configuration stands (as after a restart); one of another configuration must not.
 */
function speaksFor({ compiled, isSettled }: PolicyReport, stored: McpAuthPolicyStatus | undefined): boolean {
  if (isSettled) return true;
  if (compiled === undefined) return false;
  return stored?.verification?.configDigest !== shortDigest(compiled.digest);
}

function show(
  { apiVersion, kind, metadata, spec }: UntypedObject,
  status: McpAuthPolicyStatus | undefined,
): ShownPolicy {
  const { name, namespace, generation } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, ...(generation === undefined ? {} : { generation }) },
    spec,
    status,
  };
}
