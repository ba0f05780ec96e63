import type { JsonObject } from '../../json/json-object.ts';
import { hasAllScopes } from '../../verify/claims.ts';
import { type Answer, refuse, refuseMessage } from '../answer.ts';
import type { Admission } from '../backend.ts';
import { challenge } from '../challenge.ts';
import type { DecisionReason } from '../decision-reason.ts';
import { errorCodes } from '../json-rpc.ts';
import { headerValues, type RequestHead } from '../request-head.ts';
import { isUnambiguous, messageId, messageParams, readMessages } from './messages.ts';
import { headersMirrorBody } from './mirrored-headers.ts';
import { scopesOfTools } from './tool-rules.ts';

export interface WholeRequest {
  readonly head: RequestHead;
  readonly body: Uint8Array;
}

/** What the first message of a body asks for, as it is written there. */
export interface BodyCall {
  readonly method: string;
  /** Of a `tools/call`: the tool. */
  readonly name?: string;
}

export type Inspection =
  | { readonly kind: 'pass'; readonly call?: BodyCall }
  /** Nothing of the request reaches the MCP server. */
  | {
      readonly kind: 'answer';
      readonly answer: Answer;
      readonly reason: DecisionReason;
      readonly call?: BodyCall;
    };

/**
 * Judges the body of an admitted request by the tool rules of its policy. What counts is the body, read so strictly that
 * no server can find another call in it; headers that say something else make the request invalid. Each call of a batch
 * counts. A caller without the scopes of all called tools is told all of them in one challenge (403).
 */
export function inspectRequest({ head, body }: WholeRequest, admission: Admission): Inspection {
  // A GET or DELETE of older revisions has nothing that could call a tool.
  if (head.method !== 'POST' && body.length === 0) return { kind: 'pass' };
  if (!isPlainJson(head)) {
    const answer = refuse(415, 'Send application/json in UTF-8, not compressed.');
    return { kind: 'answer', answer, reason: 'message_invalid' };
  }
  const read = readMessages(body);
  if (read.kind === 'unparseable') return invalid(errorCodes.parseError, 'The body is not strict JSON.');
  if (read.kind === 'invalid')
    return invalid(errorCodes.invalidRequest, 'The body is not a JSON-RPC message.');
  const { messages, isBatch } = read;
  return judge({ head, messages, isBatch }, admission);
}

interface Messages {
  readonly head: RequestHead;
  readonly messages: readonly JsonObject[];
  readonly isBatch: boolean;
}

function judge({ head, messages, isBatch }: Messages, { policy, principal }: Admission): Inspection {
  const [first] = messages;
  const single = isBatch ? undefined : first;
  const about = { ...(single && { message: single }), ...(first && callOf(first)) };
  if (!messages.every(isUnambiguous)) {
    return invalid(errorCodes.invalidRequest, 'The body is not a JSON-RPC message.', about);
  }
  const tools = messages.filter(({ method }) => method === 'tools/call').map(toolName);
  if (!tools.every((name) => name !== undefined)) {
    return invalid(errorCodes.invalidParams, 'A tools/call has no tool name.', about);
  }
  if (!headersMirrorBody({ head, message: single })) {
    const message = 'Mcp-Method and Mcp-Name must say what the body says.';
    return invalid(errorCodes.headerMismatch, message, about, 'header_mismatch');
  }
  const call = about.call === undefined ? {} : { call: about.call };
  const needed = scopesOfTools(policy.tools, new Set(tools));
  if (hasAllScopes(principal.scopes, needed)) return { kind: 'pass', ...call };
  const reason = 'scope_insufficient';
  return { kind: 'answer', answer: challenge(reason, policy, needed), reason, ...call };
}

/** A charset or an encoding could make other text of the bytes than what is judged here. */
function isPlainJson(head: RequestHead): boolean {
  const [type, ...others] = headerValues(head, 'content-type');
  return (
    type !== undefined &&
    others.length === 0 &&
    /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i.test(type) &&
    headerValues(head, 'content-encoding').every((coding) => coding.toLowerCase() === 'identity')
  );
}

function toolName(message: JsonObject): string | undefined {
  const { name } = messageParams(message);
  return typeof name === 'string' && !name.includes('\0') ? name : undefined;
}

function callOf(message: JsonObject): { readonly call?: BodyCall } {
  const { method } = message;
  if (typeof method !== 'string') return {};
  const name = method === 'tools/call' ? toolName(message) : undefined;
  return { call: name === undefined ? { method } : { method, name } };
}

interface About {
  /** Absent for a batch. */
  readonly message?: JsonObject;
  readonly call?: BodyCall;
}

function invalid(
  code: number,
  message: string,
  about: About = {},
  reason: DecisionReason = 'message_invalid',
): Inspection {
  const id = about.message === undefined ? null : messageId(about.message);
  const call = about.call === undefined ? {} : { call: about.call };
  return { kind: 'answer', answer: refuseMessage(400, id, { code, message }), reason, ...call };
}
