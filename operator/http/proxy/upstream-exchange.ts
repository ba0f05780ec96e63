import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import type { Upstream } from '../../policy/snapshot.ts';
import type { Clock } from '../../time/clock.ts';
import type { Headers } from './request-headers.ts';
import { UpstreamError } from './upstream-failure.ts';

/** One request to an upstream and its answer. */
export interface UpstreamExchange {
  /** Sends the body and waits for the answer's head. Rejects with what went wrong; {@link failureOf} names it. */
  send(body: Uint8Array | Readable | undefined): Promise<IncomingMessage>;
  /** Gives the full time again: something has moved. */
  touch(): void;
  /** From now on the upstream may be silent for as long as it likes. */
  waitForever(): void;
  /** Ends it, whatever is under way; its connection is not used again. */
  destroy(): void;
}

export interface ExchangeParts {
  readonly method: string;
  readonly headers: Headers;
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
export function openExchange(parts: ExchangeParts): UpstreamExchange {
  const { clock, patienceMs } = parts;
  const outgoing = createRequest(parts);
  let answer: IncomingMessage | undefined;
  let cancelPatience = (): void => undefined;
  limitConnecting(outgoing, parts);
  outgoing.on('error', () => undefined);

  function touch(): void {
    cancelPatience();
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
        if (interim > maxInterim) outgoing.destroy(new UpstreamError('bad_answer'));
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
        // A client that goes away in the middle must not look like one that has finished.
        body.once('close', () => {
          if (!body.readableEnded) outgoing.destroy();
        });
        body.pipe(outgoing);
      }
      return await received;
    },
    touch,
    waitForever: () => cancelPatience(),
    destroy() {
      cancelPatience();
      outgoing.destroy();
    },
  };
}

function createRequest({ upstream, method, headers, agent }: ExchangeParts): ClientRequest {
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
  return outgoing;
}

/** Of a connection that is held already there is nothing to wait for. */
function limitConnecting(outgoing: ClientRequest, { clock, upstream }: ExchangeParts): void {
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return;
    const cancel = clock.after(connectMs, () => outgoing.destroy(new UpstreamError('timeout')));
    socket.once(upstream.tls === undefined ? 'connect' : 'secureConnect', cancel);
    outgoing.once('close', cancel);
  });
}
