import type { Condition, McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { isJsonObject } from '../json/json-object.ts';

/** What is worth telling of a policy, in the words of a Kubernetes Event. */
export interface PolicyEvent {
  readonly type: 'Normal' | 'Warning';
  /** Of the closed list of condition reasons. */
  readonly reason: string;
  readonly action: string;
  /** One sentence for a person: no secrets, counts or addresses. */
  readonly note: string;
}

/**
 * The event that is due when the status of a policy changes from `previous` to `next`: one when `Ready` becomes true, one
 * when it becomes not true or has another reason. None when both say the same, for the first `Pending` of a new
 * policy, and for facts that callers cause.
 *
 * @param previous - the status before, as stored: whoever may write statuses could have written anything. A policy without
 *   one is new.
 */
export function policyEventFor(previous: unknown, next: McpAuthPolicyStatus): PolicyEvent | undefined {
  const ready = next.conditions?.find(({ type }) => type === 'Ready');
  const before = storedReady(previous);
  if (ready === undefined || saysTheSame(before, ready)) return undefined;
  const { status, reason, message: note } = ready;
  const isPending = reason === 'Pending';
  if (isPending && before === undefined) return undefined;
  const type = status === 'True' || isPending ? 'Normal' : 'Warning';
  return { type, reason, action: 'Verify', note };
}

function saysTheSame(before: Readonly<Record<string, unknown>> | undefined, ready: Condition): boolean {
  return before?.status === ready.status && before.reason === ready.reason;
}

function storedReady(status: unknown): Readonly<Record<string, unknown>> | undefined {
  const conditions = isJsonObject(status) ? status.conditions : undefined;
  if (!Array.isArray(conditions)) return undefined;
  return conditions.filter(isJsonObject).find(({ type }) => type === 'Ready');
}
