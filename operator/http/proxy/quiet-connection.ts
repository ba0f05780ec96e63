import type { ClientRequest, IncomingMessage } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';

/**
 * Opens a request on a connection on which nothing has come since the answer before: what an upstream sends too much must
 * not be taken for the answer to the next caller. Node closes idle connections on which something comes; this is about what
 * has come and has not been read, and about connections that are not idle yet.
 *
 * @param open - makes a request without sending anything of it; made again while its connection was not quiet.
 */
export async function openOnQuietConnection(open: () => ClientRequest): Promise<ClientRequest> {
  for (;;) {
    const outgoing = open();
    const expectAnswer = closeOnSurplus(outgoing);
    if (outgoing.reusedSocket) await untilRead();
    if (outgoing.socket?.writable === false) continue;
    expectAnswer();
    return outgoing;
  }
}

/** Whatever has come by now is read in the turn after this one. */
async function untilRead(): Promise<void> {
  await turn();
  await turn();
}

/**
 * Closes the connection of a request when something comes that is not its answer.
 *
 * @returns what is to be called before the request is sent: nothing may come earlier.
 */
function closeOnSurplus(outgoing: ClientRequest): () => void {
  let isExpected = false;
  let answer: IncomingMessage | undefined;
  outgoing.on('error', () => undefined);
  outgoing.once('response', (head: IncomingMessage) => {
    answer = head;
  });
  outgoing.once('socket', (socket) => {
    // Node has read the same bytes just before.
    const judge = (): void => {
      if (!isExpected) socket.destroy();
      if (answer?.complete === true) isExpected = false;
    };
    socket.on('data', judge);
    outgoing.once('close', () => socket.off('data', judge));
  });
  return () => {
    isExpected = true;
  };
}
