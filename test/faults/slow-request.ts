import { type ClientRequest, request } from 'node:http';

/** A request that is being answered: the operator has its head, but not yet the whole of it. */
export interface SlowRequest {
  /** Sends the rest; resolves with the status, or the code of the error that came instead. */
  finish(): Promise<string>;
}

const halves = [
  '{"jsonrpc":"2.0","id":1,"method":"tools/call",',
  '"params":{"name":"whoami","arguments":{}}}',
];

/** Sends half of a tool's call, and resolves when that has gone out. */
export async function startSlowRequest(url: string, token: string): Promise<SlowRequest> {
  const outgoing = request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
    },
  });
  const answer = answerTo(outgoing);
  await new Promise<void>((resolve) => outgoing.write(halves[0], () => resolve()));
  return {
    async finish() {
      outgoing.end(halves[1]);
      return await answer;
    },
  };
}

function answerTo(outgoing: ClientRequest): Promise<string> {
  return new Promise((resolve) => {
    outgoing.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    outgoing.once('response', (response) => {
      response.resume();
      response.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
      response.once('end', () => resolve(String(response.statusCode)));
    });
  });
}
