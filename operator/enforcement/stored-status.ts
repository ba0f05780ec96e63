import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { Condition, McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';

type Verification = NonNullable<McpAuthPolicyStatus['verification']>;

/**
 * What an object's stored status can contribute to the next one: the times of its conditions and of its self-test.
 * Nothing of it decides anything, since whoever may write the status could have written it; other shapes are left out.
 */
export function readStoredStatus({ status }: UntypedObject): McpAuthPolicyStatus | undefined {
  if (!isObject(status)) return undefined;
  const { conditions, verification } = status;
  return {
    ...(Array.isArray(conditions) ? { conditions: conditions.filter(isCondition) } : {}),
    ...(isVerification(verification) ? { verification } : {}),
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

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
