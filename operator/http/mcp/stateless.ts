import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import { type Answer, refuseMessage } from '../answer.ts';
import type { Admission } from '../backend.ts';
import { errorCodes, type RequestId, type RpcError } from '../json-rpc.ts';
import { decodeName, nameParameter } from '../mirrored-name.ts';
import { accepted, type Call, jsonAnswer, type Message, type Outcome, response } from './message.ts';
import { type McpHead, type ServerIdentity, statelessRevision } from './revision.ts';
import { callTool, listTools } from './tools.ts';

/** Members of `_meta` (MCP 2026-07-28 "General fields"). */
export const metaKeys = {
  revision: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** Results may differ from admission to admission and with every change of the policy. */
const uncacheable = { ttlMs: 0, cacheScope: 'private' } as const;

export interface StatelessExchange {
  readonly message: Exclude<Message, { readonly kind: 'response' }>;
  readonly head: McpHead;
  readonly server: ServerIdentity;
  readonly admission: Admission;
}

/** Answers one message of MCP 2026-07-28. */
export function answerStateless({ message, head, server, admission }: StatelessExchange): Answer {
  const problem = message.kind === 'request' ? judgeRequest(message, head) : judgeNotification(message, head);
  if (problem !== undefined)
    return refuseMessage(400, message.kind === 'request' ? message.id : null, problem);
  if (message.kind === 'notification') return accepted;
  const { id, method, params } = message;
  switch (method) {
    case 'server/discover':
      return answer(id, discover(server), server, uncacheable);
    case 'tools/list':
      return answer(id, listTools(params, admission), server, uncacheable);
    case 'tools/call':
      return answer(id, callTool(params, admission), server);
    case 'subscriptions/listen':
      return answerListen(id, params, server);
    default:
      return refuseMessage(404, id, { code: errorCodes.methodNotFound, message: 'Method not found' });
  }
}

function discover({ capabilities }: ServerIdentity): Outcome {
  return { result: { supportedVersions: [statelessRevision], capabilities } };
}

/** An error is an answer like any other: what HTTP asked for was done. */
function answer(id: RequestId, outcome: Outcome, server: ServerIdentity, caching: JsonObject = {}): Answer {
  if ('error' in outcome) return jsonAnswer(200, response(id, outcome));
  const _meta = { [metaKeys.serverInfo]: server.info };
  return jsonAnswer(
    200,
    response(id, { result: { ...outcome.result, resultType: 'complete', ...caching, _meta } }),
  );
}

/**
 * There is nothing to subscribe to: the tools of a caller change with the policy only, and then every answer under way is
 * cut. So the stream says that nothing will be told, and ends.
 */
function answerListen(id: RequestId, { notifications }: JsonObject, { info }: ServerIdentity): Answer {
  if (!isJsonObject(notifications)) {
    const message = 'Invalid params: notifications is not an object';
    return refuseMessage(200, id, { code: errorCodes.invalidParams, message });
  }
  const acknowledged = {
    jsonrpc: '2.0',
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications: {}, _meta: { [metaKeys.subscription]: id } },
  };
  const _meta = { [metaKeys.subscription]: id, [metaKeys.serverInfo]: info };
  const ended = response(id, { result: { resultType: 'complete', _meta } });
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
    body: [acknowledged, ended].map((event) => `event: message\ndata: ${JSON.stringify(event)}\n\n`).join(''),
  };
}

/**
 * What is wrong with a request before its method is looked at. The body decides and the head has to agree, so that whoever
 * decided by the head decided about the same (MCP 2026-07-28 "Server Validation"). A revision that is not served comes
 * before whatever that revision may have changed.
 */
function judgeRequest({ method, params, meta }: Call, head: McpHead): RpcError | undefined {
  const flaw = findEnvelopeFlaw(meta);
  if (flaw !== undefined) return { code: errorCodes.invalidParams, message: `Invalid _meta: ${flaw}` };
  const revision = meta[metaKeys.revision] as string;
  if (head.revision !== undefined && head.revision !== revision) return mismatch('MCP-Protocol-Version');
  if (revision !== statelessRevision) return unsupported(revision);
  if (head.revision === undefined) return mismatch('MCP-Protocol-Version');
  if (head.method !== method) return mismatch('Mcp-Method');
  const parameter = nameParameter(method);
  const name = parameter === undefined ? undefined : params[parameter];
  const told = head.name === undefined ? undefined : decodeName(head.name);
  return typeof name !== 'string' || told === name ? undefined : mismatch('Mcp-Name');
}

/** Notifications need neither `_meta` nor headers, but may not contradict themselves. */
function judgeNotification({ method, meta }: Call, head: McpHead): RpcError | undefined {
  const claimed = meta[metaKeys.revision] ?? head.revision;
  if (typeof claimed !== 'string') {
    return { code: errorCodes.invalidParams, message: `Invalid _meta: ${metaKeys.revision} is not a string` };
  }
  if (head.revision !== undefined && head.revision !== claimed) return mismatch('MCP-Protocol-Version');
  if (claimed !== statelessRevision) return unsupported(claimed);
  return head.method === undefined || head.method === method ? undefined : mismatch('Mcp-Method');
}

function findEnvelopeFlaw(meta: JsonObject): string | undefined {
  const { [metaKeys.clientCapabilities]: capabilities, [metaKeys.clientInfo]: client } = meta;
  if (typeof meta[metaKeys.revision] !== 'string') return `${metaKeys.revision} is not a string`;
  if (!isJsonObject(capabilities)) return `${metaKeys.clientCapabilities} is not an object`;
  const isNamed =
    client === undefined ||
    (isJsonObject(client) && typeof client.name === 'string' && typeof client.version === 'string');
  return isNamed ? undefined : `${metaKeys.clientInfo} has no name or no version`;
}

function mismatch(header: string): RpcError {
  const message = `Bad Request: the header ${header} is missing or says something else than the body`;
  return { code: errorCodes.headerMismatch, message };
}

function unsupported(requested: string): RpcError {
  return {
    code: errorCodes.unsupportedRevision,
    message: `Unsupported protocol version: ${requested}`,
    data: { supported: [statelessRevision], requested },
  };
}
