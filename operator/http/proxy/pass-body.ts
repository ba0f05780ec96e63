import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What the client gets of an upstream's answer. */
export interface Passing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly isEventStream: boolean;
  readonly answer: IncomingMessage;
  /** What the body goes through; it gives nothing of one that is no event stream before the end. */
  readonly filter: Transform | undefined;
  /** How long a client may take nothing of what is held for it. */
  readonly patienceMs: number;
}

/** `pipeline` alone listens seven times for the end of a response; Node takes more than ten for a leak. */
const maxListeners = 20;

/** Closed when an answer breaks off, it would be over, and written down, before anybody knew why. */
const leftOpen = { end: false };

/** Sends head and body of an answer. Rejects when it breaks off; nothing may have been sent by then, or a part. */
export async function passBody(passing: Passing, response: ServerResponse): Promise<void> {
  const { answer, filter, isEventStream } = passing;
  response.setMaxListeners(maxListeners);
  if (filter === undefined) {
    writeHead(passing, response);
    await pipeline(answer, response, leftOpen);
    response.end();
  } else if (isEventStream) {
    writeHead({ ...passing, headers: withoutLength(passing.headers) }, response);
    await pipeline(answer, filter, response, leftOpen);
    response.end();
  } else {
    // Before its head is sent: an answer that cannot be looked into is a 502.
    await pipeline(answer, filter);
    const length = passing.status === 204 ? {} : { 'content-length': String(filter.readableLength) };
    response.writeHead(passing.status, { ...withoutLength(passing.headers), ...length });
    // The whole of it is held by now, out of the policy's share.
    response.setTimeout(passing.patienceMs, () => response.destroy());
    // Through the filter, which counts what waits for a slow client. Whoever breaks off now is not the upstream.
    await pipeline(filter, response).catch(() => undefined);
  }
}

function writeHead({ status, headers, isEventStream }: Passing, response: ServerResponse): void {
  response.writeHead(status, headers);
  // The first event may be long in coming.
  if (isEventStream) response.flushHeaders();
}

function withoutLength({ 'content-length': _, ...headers }: Passing['headers']): Passing['headers'] {
  return headers;
}
