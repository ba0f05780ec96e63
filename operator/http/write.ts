import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';

/** Sends a whole answer, beside the headers that `response` has already. */
export function write(response: ServerResponse, { status, headers, body = '' }: Answer): void {
  // With 204 there must not be a length (RFC 9110 section 8.6).
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length });
  response.end(body);
}
