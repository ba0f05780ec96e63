import type { IncomingHttpHeaders } from 'node:http';
import { parseStrictJson } from '../../json/strict-json.ts';
import { type Answer, refuseMessage } from '../answer.ts';
import type { Admission } from '../backend.ts';
import { errorCodes } from '../json-rpc.ts';
import { idOf, type Message, readMessage } from './message.ts';
import { answerOlder } from './older-revisions.ts';
import { type McpHead, readMcpHead, type ServerIdentity, statelessRevision } from './revision.ts';
import { answerStateless, metaKeys } from './stateless.ts';

export interface Post {
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  readonly admission: Admission;
  readonly server: ServerIdentity;
}

/** Messages in one array. */
const maxBatch = 100;
/** A comma would make two media types of it, of which others may see the second. */
const jsonMediaType = /^application\/json\s*(?:;[^,]*)?$/i;

/** Answers a POST to the MCP endpoint: by 2026-07-28 if the message says so, else as its older revisions want it. */
export function answerPost(post: Post): Answer {
  const { headers, body } = post;
  if (!jsonMediaType.test(headers['content-type'] ?? '')) {
    return refuse(415, errorCodes.other, 'Unsupported Media Type: Content-Type must be application/json');
  }
  const parsed = parseStrictJson(body);
  if (!parsed.ok)
    return refuse(400, errorCodes.parseError, 'Parse error: the body is not JSON, or not strictly');
  const head = readMcpHead(headers);
  const { value } = parsed;
  if (Array.isArray(value)) return answerBatch(value, head, post);
  const message = readMessage(value);
  if (message === undefined) {
    const error = { code: errorCodes.invalidRequest, message: 'Invalid Request: no JSON-RPC message' };
    return refuseMessage(400, idOf(value), error);
  }
  return message.kind !== 'response' && isStateless(message, head)
    ? answerStateless({ ...post, message, head })
    : answerOldClient([message], head, post, false);
}

function answerBatch(values: readonly unknown[], head: McpHead, post: Post): Answer {
  if (values.length === 0 || values.length > maxBatch) {
    return refuse(400, errorCodes.invalidRequest, `Invalid Request: a batch has 1 to ${maxBatch} messages`);
  }
  const messages = values.map(readMessage).filter((message) => message !== undefined);
  if (messages.length < values.length || messages.some(saysRevision)) {
    return refuse(400, errorCodes.invalidRequest, 'Invalid Request: not every message can be in a batch');
  }
  return answerOldClient(messages, head, post, true);
}

function answerOldClient(messages: readonly Message[], head: McpHead, post: Post, isBatch: boolean): Answer {
  const { accept = '' } = post.headers;
  if (!accept.includes('application/json') || !accept.includes('text/event-stream')) {
    const message = 'Not Acceptable: Client must accept both application/json and text/event-stream';
    return refuse(406, errorCodes.other, message);
  }
  return answerOlder({ ...post, messages, isBatch, head });
}

/** The body decides. One that says nothing is believed to be of the revision that the head names. */
function isStateless(message: Message, { revision = '' }: McpHead): boolean {
  return saysRevision(message) || revision >= statelessRevision;
}

function saysRevision(message: Message): boolean {
  return message.kind !== 'response' && metaKeys.revision in message.meta;
}

function refuse(status: number, code: number, message: string): Answer {
  return refuseMessage(status, null, { code, message });
}
