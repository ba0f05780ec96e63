import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import type { Answer } from '../answer.ts';
import { isRequestId, type RequestId, type RpcError } from '../json-rpc.ts';

/** A JSON-RPC 2.0 message as MCP narrows it: `params` is an object, an id is text or an integer. */
export type Message =
  | (Call & { readonly kind: 'request'; readonly id: RequestId })
  | (Call & { readonly kind: 'notification' })
  /** An answer to something that a server asked. We never ask. */
  | { readonly kind: 'response' };

export interface Call {
  readonly method: string;
  /** Empty when there are none. */
  readonly params: JsonObject;
  /** `params._meta`; empty when there is none. */
  readonly meta: JsonObject;
}

/** What a method comes to. */
export type Outcome = { readonly result: JsonObject } | { readonly error: RpcError };

const none: JsonObject = Object.freeze({});

/** Reads one message of a body that has been parsed. Undefined when it is none: names and their case count. */
export function readMessage(value: unknown): Message | undefined {
  if (!isJsonObject(value) || value.jsonrpc !== '2.0') return undefined;
  return value.method === undefined ? readResponse(value) : readCall(value);
}

function readCall(value: JsonObject): Message | undefined {
  const { id, method, params = none } = value;
  if (typeof method !== 'string' || !isJsonObject(params)) return undefined;
  const { _meta: meta = none } = params;
  if (!isJsonObject(meta)) return undefined;
  if (id === undefined) return { kind: 'notification', method, params, meta };
  return isRequestId(id) ? { kind: 'request', id, method, params, meta } : undefined;
}

function readResponse(value: JsonObject): Message | undefined {
  const { id, result, error } = value;
  if (id !== undefined && !isRequestId(id)) return undefined;
  const isResult = id !== undefined && error === undefined && isJsonObject(result);
  const isError = result === undefined && isRpcError(error);
  return isResult || isError ? { kind: 'response' } : undefined;
}

function isRpcError(value: unknown): boolean {
  return isJsonObject(value) && Number.isSafeInteger(value.code) && typeof value.message === 'string';
}

/** The id to name in the refusal of a body that is no message; null when it shows none. */
export function idOf(value: unknown): RequestId | null {
  return isJsonObject(value) && typeof value.method === 'string' && isRequestId(value.id) ? value.id : null;
}

/** The JSON-RPC answer to a request. */
export function response(id: RequestId, outcome: Outcome): JsonObject {
  return { jsonrpc: '2.0', id, ...outcome };
}

/** An HTTP answer of one JSON document. */
export function jsonAnswer(status: number, document: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) };
}

/** What a notification, or an answer to nothing, is answered with. */
export const accepted: Answer = { status: 202, headers: {} };
