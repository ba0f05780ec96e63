import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import type { Condition, McpAuthPolicyStatus, Rejections, Verification } from '../api/mcp-auth-policy.gen.ts';
import { isJsonObject } from '../json/json-object.ts';
import type { SelfTestOutcome } from '../policy/observation.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';
import { formatTime, shortDigest } from '../policy/status.ts';
import { isDenialReason } from '../verify/denial.ts';

/**
 * What an object's stored status can contribute to the next one: the times of its conditions and of its self-test, and
 * what callers met with. Nothing of it decides who is let in, since whoever may write the status could have written it;
 * other shapes are left out.
 */
export function readStoredStatus({ status }: UntypedObject): McpAuthPolicyStatus | undefined {
  if (!isJsonObject(status)) return undefined;
  const { conditions, verification } = status;
  return {
    ...(Array.isArray(conditions) ? { conditions: conditions.filter(isCondition) } : {}),
    ...(isVerification(verification) ? { verification: withoutOddFacts(verification) } : {}),
  };
}

/**
 * The verdict of an earlier process on this very configuration, so that a restart does not test everything again: only a
 * good one of the same version of the operator counts.
 */
export function storedVerdict(
  object: UntypedObject | undefined,
  { digest }: CompiledPolicy,
  operatorVersion: string,
): SelfTestOutcome | undefined {
  const stored = object === undefined ? undefined : readStoredStatus(object)?.verification;
  if (stored?.configDigest !== shortDigest(digest) || stored.operatorVersion !== operatorVersion)
    return undefined;
  const { checks, failed = [] } = stored;
  if (checks === undefined || checks === 0 || failed.length > 0) return undefined;
  return { kind: 'tested', result: { configDigest: digest, checks, failed: [] } };
}

/**
 * The policies of which an earlier process found that every replica enforces them as they are now, so that a restart does not
 * take back what nobody has changed. What another version of the operator enforces cannot be compared, nor does its digest
 * count: the same generation of the policy must do.
 */
export function programmedBefore(
  objects: readonly UntypedObject[],
  { policies }: Pick<Snapshot, 'policies'>,
  operatorVersion: string,
): readonly CompiledPolicy[] {
  return objects.flatMap((object) => {
    const policy = policies.get(objectKey(object.metadata));
    const { conditions = [], verification } = readStoredStatus(object) ?? {};
    const programmed = conditions.find(({ type }) => type === 'Programmed');
    if (policy === undefined || verification === undefined || programmed?.status !== 'True') return [];
    const isSame =
      verification.operatorVersion !== operatorVersion ||
      verification.configDigest === shortDigest(policy.digest);
    return isSame && programmed.observedGeneration === policy.generation ? [policy] : [];
  });
}

function isCondition(value: unknown): value is Condition {
  return isJsonObject(value) && areTexts(value.type, value.status, value.lastTransitionTime);
}

function isVerification(value: unknown): value is Verification {
  return (
    isJsonObject(value) &&
    areTexts(value.configDigest, value.operatorVersion, value.time) &&
    Array.isArray(value.failed) &&
    Number.isInteger(value.checks)
  );
}

function withoutOddFacts({ firstAcceptedTime, rejections, ...tested }: Verification): Verification {
  return {
    ...tested,
    ...(isTime(firstAcceptedTime) ? { firstAcceptedTime } : {}),
    ...(isRejections(rejections) ? { rejections } : {}),
  };
}

function isRejections(value: unknown): value is Rejections {
  return (
    isJsonObject(value) &&
    typeof value.reason === 'string' &&
    isDenialReason(value.reason) &&
    isTime(value.since)
  );
}

/** A time as this operator writes it. */
function isTime(value: unknown): value is string {
  const epochMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return !Number.isNaN(epochMs) && formatTime(epochMs) === value;
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}
