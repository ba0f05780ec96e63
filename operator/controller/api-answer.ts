import type { IncomingMessage } from 'node:http';
import { isJsonObject } from '../json/json-object.ts';
import { type ApiError, errorFromStatus, localError } from './api-error.ts';

/** One page of a list, its items not yet judged. */
export interface ListPage {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

/** One line of a watch, its object not yet judged. */
export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

const maxErrorBytes = 64 * 1024;

/** Reads a body; throws `TooLarge`. */
export async function readBytes(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw localError('TooLarge');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads and parses a JSON body; throws `TooLarge` or `MalformedBody`. */
export async function readJson(response: IncomingMessage, maxBytes: number): Promise<unknown> {
  const bytes = await readBytes(response, maxBytes);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw localError('MalformedBody');
  }
}

/** Makes the error of an answer that is not a success; the code counts even if the body cannot be read. */
export async function readError(response: IncomingMessage): Promise<ApiError> {
  const body = await readJson(response, maxErrorBytes).catch(() => undefined);
  return errorFromStatus(response.statusCode ?? 0, body, response.headers['retry-after']);
}

/** Reads the envelope of a list. */
export function readListPage(body: unknown): ListPage {
  const { metadata, items } = isJsonObject(body) ? body : {};
  const { resourceVersion, continue: continueToken } = isJsonObject(metadata) ? metadata : {};
  // Go writes an empty list as null in places.
  const list = items ?? [];
  if (!Array.isArray(list) || typeof resourceVersion !== 'string' || resourceVersion === '') {
    throw localError('MalformedBody');
  }
  const hasMore = typeof continueToken === 'string' && continueToken !== '';
  return { items: list, resourceVersion, ...(hasMore ? { continueToken } : {}) };
}

/** Reads the envelope of a watch event. */
export function readWatchEvent(line: unknown): WatchEvent {
  if (!isJsonObject(line) || typeof line.type !== 'string') {
    throw localError('MalformedLine');
  }
  return { type: line.type, object: line.object };
}
