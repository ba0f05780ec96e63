import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { PolicyEvent } from '../policy/policy-event.ts';
import { formatMicroTime } from './micro-time.ts';
import type { ResourceKind } from './resource.ts';

export const events: ResourceKind = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
};

/** Who says it. */
export interface EventReporter {
  /** A qualified name, such as `mcpauth.dev/operator`. */
  readonly reportingController: string;
  /** Which of its replicas, such as the name of the pod. */
  readonly reportingInstance: string;
}

/** An Event as the API server takes it (`events.k8s.io/v1`). */
export interface EventDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly eventTime: string;
  readonly regarding: Readonly<Record<string, string | undefined>>;
  readonly [member: string]: unknown;
}

// The API server refuses longer ones.
const maxNoteBytes = 1024;
const maxNameLength = 253;
const maxInstanceLength = 128;

/**
 * Makes the Event about a policy, in its namespace.
 *
 * @param mark - nanoseconds since the epoch or so: no other Event about this policy may have it
 */
export function toEventDocument(
  { apiVersion, kind, metadata }: UntypedObject,
  { type, reason, action, note }: PolicyEvent,
  { reportingController, reportingInstance }: EventReporter,
  { nowMs, mark }: { readonly nowMs: number; readonly mark: bigint },
): EventDocument {
  const { namespace, name, uid, resourceVersion } = metadata;
  return {
    apiVersion: `${events.group}/${events.version}`,
    kind: events.kind,
    metadata: { namespace, name: eventName(name, mark) },
    eventTime: formatMicroTime(nowMs),
    regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
    reportingController,
    reportingInstance: reportingInstance.slice(0, maxInstanceLength),
    ...{ type, reason, action, note: cutNote(note) },
  };
}

/** Named as client-go names them. */
function eventName(policyName: string, mark: bigint): string {
  const ending = `.${mark.toString(16)}`;
  // What is left must still end in a letter or a digit.
  const start = policyName.slice(0, maxNameLength - ending.length).replace(/[.-]+$/, '');
  return `${start}${ending}`;
}

function cutNote(note: string): string {
  // Stops before a character that does not fit whole.
  const { read } = new TextEncoder().encodeInto(note, new Uint8Array(maxNoteBytes));
  return note.slice(0, read);
}
