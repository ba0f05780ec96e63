import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import { type JsonLimits, parseStrictJson } from '../../json/strict-json.ts';
import { isRequestId, type RequestId } from '../json-rpc.ts';

/**
 * Wider than for tokens and keys: arguments and results of tools are large and deep. The bound on values keeps what one
 * message becomes in memory at some megabytes, and the time that it takes at a tenth of a second or so.
 */
export const messageLimits: JsonLimits = { maxDepth: 64, maxMembers: 10_000, maxValues: 100_000 };

export type RpcMessages =
  | {
      readonly kind: 'messages';
      /** At least one. */
      readonly messages: readonly JsonObject[];
      readonly isBatch: boolean;
    }
  /** No JSON that every parser reads alike. */
  | { readonly kind: 'unparseable' }
  /** JSON, but neither an object nor a non-empty array of objects. */
  | { readonly kind: 'invalid' };

/** Reads one JSON-RPC 2.0 message, or a batch as revisions of MCP up to 2025-03-26 have it. */
export function readMessages(bytes: Uint8Array): RpcMessages {
  const parsed = parseStrictJson(bytes, messageLimits);
  if (!parsed.ok) return { kind: 'unparseable' };
  const isBatch = Array.isArray(parsed.value);
  const items: readonly unknown[] = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
  const messages = items.filter(isJsonObject);
  return messages.length === 0 || messages.length < items.length
    ? { kind: 'invalid' }
    : { kind: 'messages', messages, isBatch };
}

/** The `id` to repeat in an error; null when there is none, or one that does not survive being read. */
export function messageId({ id }: JsonObject): RequestId | null {
  return isRequestId(id) ? id : null;
}

/** `params`, of which nothing is known when they are no object. */
export function messageParams({ params }: JsonObject): JsonObject {
  return isJsonObject(params) ? params : {};
}

const memberOfMessage = /^(?:jsonrpc|id|method|params|result|error)(?:\0|$)/iu;
const memberOfCall = /^name(?:\0|$)/iu;

/**
 * Whether a message is a request, a notification or a response, in a form that every server reads alike. Some parsers
 * compare names of members without case (Go's `encoding/json`, which also takes `ſ` for `s`): beside `method`, a `Method`
 * could be the one that counts. In some written in C a text ends with a NUL.
 */
export function isUnambiguous(message: JsonObject): boolean {
  return (
    !hasTwin(message, memberOfMessage) &&
    !(message.method === 'tools/call' && hasTwin(messageParams(message), memberOfCall)) &&
    (message.method === undefined
      ? message.result !== undefined || message.error !== undefined
      : typeof message.method === 'string' && !message.method.includes('\0'))
  );
}

function hasTwin(object: JsonObject, spelling: RegExp): boolean {
  return Object.keys(object).some((name) => spelling.test(name) && !/^[a-z]+$/.test(name));
}
