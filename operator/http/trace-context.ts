import { headerValues, type RequestHead } from './request-head.ts';

/** Whose trace a request is part of, as its caller says: nothing is decided by it. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
  /** 32 digits of lower-case hex, out of `traceparent`. */
  readonly traceId: string;
}

const traceparentPattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const memberPattern =
  /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;
const maxMembers = 32;

/**
 * Reads the trace context of a request (W3C Trace Context, version 00), whose values may be passed on as they are.
 * Undefined when there is none, or `traceparent` is malformed or there are several; a malformed `tracestate` is left out.
 */
export function readTraceContext(head: RequestHead): TraceContext | undefined {
  const [traceparent, ...others] = headerValues(head, 'traceparent');
  if (traceparent === undefined || others.length > 0) return undefined;
  const traceId = traceparentPattern.exec(traceparent)?.[1];
  if (traceId === undefined) return undefined;
  // It may be sent in several fields, which together are one list (section 3.3.1).
  const tracestate = headerValues(head, 'tracestate').join(',');
  return isTracestate(tracestate) ? { traceparent, tracestate, traceId } : { traceparent, traceId };
}

function isTracestate(text: string): boolean {
  const members = text
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  return (
    members.length > 0 &&
    members.length <= maxMembers &&
    members.every((member) => memberPattern.test(member))
  );
}
