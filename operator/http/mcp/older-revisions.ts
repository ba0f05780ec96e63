import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import { type Answer, refuseMessage } from '../answer.ts';
import type { Admission } from '../backend.ts';
import { errorCodes } from '../json-rpc.ts';
import { accepted, type Call, jsonAnswer, type Message, type Outcome, response } from './message.ts';
import type { McpHead, ServerIdentity } from './revision.ts';
import { callTool, invalidParams, listTools } from './tools.ts';

/** The revisions before 2026-07-28, newest first. All of them can be served without a session. */
const olderRevisions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'] as const;

export interface OlderExchange {
  readonly messages: readonly Message[];
  /** An array was sent, as 2025-03-26 allows: an array comes back. */
  readonly isBatch: boolean;
  readonly head: McpHead;
  readonly server: ServerIdentity;
  readonly admission: Admission;
}

/** Answers what a client of an older revision has posted (MCP 2025-11-25 "Transports"), always with JSON. */
export function answerOlder({ messages, isBatch, head, server, admission }: OlderExchange): Answer {
  const isHello = messages.some((message) => message.kind === 'request' && message.method === 'initialize');
  if (isHello && messages.length > 1) {
    return refuse(errorCodes.invalidRequest, 'An initialize request goes alone');
  }
  if (!isHello && !isOlderRevision(head.revision ?? olderRevisions[0])) {
    const message = `Unsupported protocol version: ${head.revision} (supported: ${olderRevisions.join(', ')})`;
    return refuse(errorCodes.other, message);
  }
  const answers = messages
    .filter((message) => message.kind === 'request')
    .map((request) => response(request.id, perform(request, server, admission)));
  if (answers.length === 0) return accepted;
  return jsonAnswer(200, isBatch ? answers : answers[0]);
}

function perform({ method, params }: Call, server: ServerIdentity, admission: Admission): Outcome {
  switch (method) {
    case 'initialize':
      return initialize(params, server);
    case 'ping':
      return { result: {} };
    case 'tools/list':
      return listTools(params, admission);
    case 'tools/call':
      return callTool(params, admission);
    default:
      return { error: { code: errorCodes.methodNotFound, message: 'Method not found' } };
  }
}

/** A client that names a revision that is not served is offered the newest of these. */
function initialize(
  { protocolVersion, capabilities, clientInfo }: JsonObject,
  server: ServerIdentity,
): Outcome {
  if (typeof protocolVersion !== 'string') return invalidParams('protocolVersion is not a string');
  if (!isJsonObject(capabilities)) return invalidParams('capabilities is not an object');
  if (!isJsonObject(clientInfo)) return invalidParams('clientInfo is not an object');
  return {
    result: {
      protocolVersion: isOlderRevision(protocolVersion) ? protocolVersion : olderRevisions[0],
      capabilities: server.capabilities,
      serverInfo: server.info,
    },
  };
}

function isOlderRevision(revision: string): boolean {
  return (olderRevisions as readonly string[]).includes(revision);
}

function refuse(code: number, message: string): Answer {
  return refuseMessage(400, null, { code, message });
}
