import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import type { HeaderField } from '../../identity/identity-headers.ts';
import type { Upstream } from '../../policy/snapshot.ts';
import type { Clock } from '../../time/clock.ts';
import { openOnQuietConnection } from './quiet-connection.ts';
import { UpstreamError } from './upstream-failure.ts';

/** One request to an upstream and its answer. */
export interface UpstreamExchange {
  /** Sends the body and waits for the answer's head. Rejects with what went wrong; {@link failureOf} names it. */
  send(body: Uint8Array | Readable | undefined): Promise<IncomingMessage>;
  /** Gives the full time again: something has moved. */
  touch(): void;
  /** From now on the upstream may be silent for as long as it likes. */
  waitForever(): void;
  /** Whether the upstream has failed, or the exchange was ended, before there was a whole answer. */
  hasFailed(): boolean;
  /** Ends it. A connection on which something was still under way is not used again. */
  destroy(): void;
}

export interface ExchangeParts {
  readonly method: string;
  /** In the order in which they are sent. */
  readonly headers: readonly HeaderField[];
  readonly upstream: Upstream;
  readonly agent: Agent;
  readonly clock: Clock;
  /** How long nothing may happen. */
  readonly patienceMs: number;
}

const connectMs = 2_000;
const maxAnswerHeadBytes = 16 * 1024;
/** An upstream that says "not yet" again and again. */
const maxInterim = 16;

/** Opens an exchange; nothing is sent before {@link UpstreamExchange.send}. */
export async function openExchange(parts: ExchangeParts): Promise<UpstreamExchange> {
  const { clock, patienceMs } = parts;
  const outgoing = await openOnQuietConnection(() => createRequest(parts));
  let answer: IncomingMessage | undefined;
  let isPatient = false;
  let cancelPatience = (): void => undefined;
  outgoing.on('error', (error) => {
    // Node would say of every answer that breaks off that it was reset.
    if (answer?.complete === false) answer.destroy(error);
  });

  const isOver = (): boolean => outgoing.destroyed || answer?.errored != null;

  function touch(): void {
    cancelPatience();
    // A body can still be arriving when its answer has begun, or is over.
    if (isPatient || isOver()) return;
    cancelPatience = clock.after(patienceMs, () => {
      const error = new UpstreamError(answer === undefined ? 'timeout' : 'silent');
      answer?.destroy(error);
      outgoing.destroy(error);
    });
  }

  function receive(): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    let interim = 0;
    outgoing
      .on('response', (head: IncomingMessage) => {
        answer = head;
        touch();
        resolve(head);
      })
      .on('information', () => {
        interim += 1;
        if (interim <= maxInterim) return;
        // At once: the rest of the same packet is read before a connection is gone.
        reject(new UpstreamError('bad_answer'));
        outgoing.destroy();
      })
      .on('upgrade', (_, socket) => {
        socket.destroy();
        reject(new UpstreamError('bad_answer'));
      })
      .on('error', reject)
      .on('close', () => {
        cancelPatience();
        reject(new UpstreamError('reset'));
      });
    return promise;
  }

  return {
    async send(body) {
      touch();
      const received = receive();
      if (body === undefined || body instanceof Uint8Array) {
        outgoing.end(body);
      } else {
        body.on('data', touch);
        // Ended only by the end of the body: of one that breaks off, nobody says that it is whole.
        body.pipe(outgoing);
      }
      return await received;
    },
    touch,
    waitForever() {
      isPatient = true;
      cancelPatience();
    },
    hasFailed: () => answer?.errored != null || (outgoing.destroyed && answer?.complete !== true),
    destroy() {
      cancelPatience();
      outgoing.destroy();
    },
  };
}

function createRequest({ upstream, method, headers, agent, clock }: ExchangeParts): ClientRequest {
  const { address, path, tls } = upstream;
  const options = {
    ...{ host: address.host, port: address.port, path, method, agent },
    headers: headers.flat(),
    maxHeaderSize: maxAnswerHeadBytes,
    // In the list already: Node would make it from the address.
    setHost: false,
  };
  const outgoing =
    tls === undefined ? requestHttp(options) : requestHttps({ ...options, servername: tls.servername });
  // Above its limit Node drops fields without a word; their size is limited.
  outgoing.maxHeadersCount = 0;
  limitConnecting(outgoing, { clock, upstream });
  return outgoing;
}

/** Of a connection that is held already there is nothing to wait for. */
function limitConnecting(
  outgoing: ClientRequest,
  { clock, upstream }: Pick<ExchangeParts, 'clock' | 'upstream'>,
): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    const cancel = clock.after(connectMs, () => outgoing.destroy(new UpstreamError('timeout')));
    socket.once(upstream.tls === undefined ? 'connect' : 'secureConnect', cancel);
    outgoing.once('close', cancel);
  });
}
