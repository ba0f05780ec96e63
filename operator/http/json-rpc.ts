import type { JsonObject } from '../json/json-object.ts';

/** Text or an integer, as MCP narrows it. */
export type RequestId = string | number;

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: JsonObject;
}

/** JSON-RPC 2.0 section 5.1, and MCP 2026-07-28 "Error Codes". */
export const errorCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  headerMismatch: -32020,
  unsupportedRevision: -32022,
  /** Ours to give a meaning to; used for what HTTP's status says already. */
  other: -32000,
} as const;

/** Integers that do not survive being read as a double are no ids. */
export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isSafeInteger(value);
}
