import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { Condition, McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { formatTime } from '../policy/status.ts';
import { isDenialReason } from '../verify/denial.ts';

type Verification = NonNullable<McpAuthPolicyStatus['verification']>;
type Rejections = NonNullable<Verification['rejections']>;

/**
 * What an object's stored status can contribute to the next one: the times of its conditions and of its self-test, and
 * what callers met with. Nothing of it decides anything, since whoever may write the status could have written it; other
 * shapes are left out.
 */
export function readStoredStatus({ status }: UntypedObject): McpAuthPolicyStatus | undefined {
  if (!isObject(status)) return undefined;
  const { conditions, verification } = status;
  return {
    ...(Array.isArray(conditions) ? { conditions: conditions.filter(isCondition) } : {}),
    ...(isVerification(verification) ? { verification: withoutOddFacts(verification) } : {}),
  };
}

function isCondition(value: unknown): value is Condition {
  return isObject(value) && areTexts(value.type, value.status, value.lastTransitionTime);
}

function isVerification(value: unknown): value is Verification {
  return (
    isObject(value) &&
    areTexts(value.configDigest, value.operatorVersion, value.time) &&
    Array.isArray(value.failed)
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
    isObject(value) && typeof value.reason === 'string' && isDenialReason(value.reason) && isTime(value.since)
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
