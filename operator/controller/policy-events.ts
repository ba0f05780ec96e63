import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { policyEventFor } from '../policy/policy-event.ts';
import type { EventRecorder } from './event-recorder.ts';

/**
 * Tells the transitions of policies as Events. To be offered what the status writer is offered, so by the leader only; a
 * replica that leads again needs a new one, since others have told what happened between.
 */
export interface PolicyEvents {
  /**
   * Takes the status that `policy` should have, also when it has it. An event is recorded when that says something else
   * than the last one offered or, the first time, than the status that the object holds.
   */
  offer(policy: UntypedObject, status: McpAuthPolicyStatus): void;
}

/** Of policies beyond these, a transition may be told again until the watch shows their status. */
const maxRemembered = 10_000;

export function createPolicyEvents({ record }: Pick<EventRecorder, 'record'>): PolicyEvents {
  // The object itself lags behind: several statuses may be offered before the watch shows the first.
  const offered = new Map<string, McpAuthPolicyStatus>();

  function remember(uid: string, status: McpAuthPolicyStatus): void {
    offered.delete(uid);
    offered.set(uid, status);
    const [oldest] = offered.keys();
    if (oldest !== undefined && offered.size > maxRemembered) offered.delete(oldest);
  }

  return {
    offer(policy, status) {
      const { uid } = policy.metadata;
      if (uid === undefined) return;
      const event = policyEventFor(offered.get(uid) ?? policy.status, status);
      remember(uid, status);
      if (event !== undefined) record(policy, event);
    },
  };
}
