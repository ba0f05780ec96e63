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

/** How a status that is told stands to what was told before. */
export interface Told {
  /** It differs from the one before. */
  readonly isNew: boolean;
  /** Nobody has changed its policy since the telling began: it may wait for those that somebody has changed. */
  readonly isRetold: boolean;
}

export interface StatusBoard {
  /** Computes the statuses again; `onStatus` is called for every policy that has one. The first call begins the telling. */
  update(objects: readonly UntypedObject[], reports: readonly PolicyReport[]): void;
  /** The next update begins the telling anew: who is told now was not there before. */
  tellAnew(): void;
  list(): readonly ShownPolicy[];
}

export interface StatusBoardParts {
  readonly clock: Clock;
  readonly operatorVersion: string;
  /** Whether the statuses computed here are those that are stored; else what others have stored is gone by. */
  readonly isAuthor: () => boolean;
  readonly onStatus: (object: UntypedObject, status: McpAuthPolicyStatus, told: Told) => void;
  /** Told of what was thrown on the way to a policy's status; `isNew` unless the time before ended so, too. */
  readonly onBug: (policy: string, error: unknown, isNew: boolean) => void;
}

type Known = ShownPolicy & { readonly uid?: string | undefined; readonly hasFailed: boolean };

/** Knows the last status of every policy, so that the next one keeps its times and only changes are told. */
export function createStatusBoard({
  clock,
  operatorVersion,
  isAuthor,
  onStatus,
  onBug,
}: StatusBoardParts): StatusBoard {
  let shown = new Map<string, Known>();
  /** What the policies were when the telling began; those that have changed since are out. */
  let unchanged: Map<string, string> | undefined;

  return {
    update(objects, reports) {
      const reportOf = new Map(reports.map((report) => [objectKey(report.outcome), report]));
      const now = new Map(
        objects.map((object) => {
          const key = objectKey(object.metadata);
          return [key, identify(object, reportOf.get(key))];
        }),
      );
      unchanged = unchanged === undefined ? now : keepEqual(unchanged, now);
      const before = shown;
      shown = new Map();
      for (const object of objects) {
        const key = objectKey(object.metadata);
        shown.set(key, next(object, before.get(key), reportOf.get(key)));
      }
    },
    tellAnew() {
      unchanged = undefined;
    },
    list: () => [...shown.values()].map(({ uid: _, hasFailed: __, ...policy }) => policy),
  };

  /** A bug that one policy brings to light must not keep the others from their statuses. */
  function next(object: UntypedObject, known: Known | undefined, report: PolicyReport | undefined): Known {
    const { uid } = object.metadata;
    // A policy that was deleted and made again is another one.
    const same = known?.uid === uid ? known : undefined;
    try {
      return { ...show(object, tell(object, same?.status, report)), uid, hasFailed: false };
    } catch (error) {
      onBug(objectKey(object.metadata), error, same?.hasFailed !== true);
      return { ...show(object, same?.status), uid, hasFailed: true };
    }
  }

  /** Computes and tells the next status; gives the last one when there is nothing to say. */
  function tell(
    object: UntypedObject,
    previous: McpAuthPolicyStatus | undefined,
    report: PolicyReport | undefined,
  ): McpAuthPolicyStatus | undefined {
    const stored = (isAuthor() ? previous : undefined) ?? readStoredStatus(object);
    if (report === undefined || !speaksFor(report, stored, operatorVersion)) return previous;
    const status = compute(report, stored);
    const isRetold = unchanged?.has(objectKey(object.metadata)) === true;
    onStatus(object, status, { isNew: !isDeepStrictEqual(status, stored), isRetold });
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

/** All that users and administrators can change of a policy, an object that it names or what applies to it. */
function identify({ metadata }: UntypedObject, report: PolicyReport | undefined): string {
  return `${metadata.uid} ${metadata.generation} ${report?.compiled?.digest}`;
}

function keepEqual(
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map([...before].filter(([key, value]) => now.get(key) === value));
}

/**
 * Whether a report should become the status. While keys are asked for and the self-test waits, a status of this same
 * configuration stands (as after a restart); one of another configuration must not. Another version of the operator makes
 * another digest of the same configuration: what it has said of the same generation stands as long.
 */
function speaksFor(
  { compiled, isSettled, outcome }: PolicyReport,
  stored: McpAuthPolicyStatus | undefined,
  operatorVersion: string,
): boolean {
  if (isSettled) return true;
  if (compiled === undefined) return false;
  const { verification, conditions = [] } = stored ?? {};
  if (verification === undefined || verification.operatorVersion === operatorVersion)
    return verification?.configDigest !== shortDigest(compiled.digest);
  return conditions.some(({ observedGeneration }) => observedGeneration !== outcome.generation);
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
