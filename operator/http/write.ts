import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';

/** Sends a whole answer, beside the headers that `response` has already. */
export function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers);
  response.end(body);
}
