import type { IncomingMessage } from 'node:http';
import { createByteCollector } from './byte-collector.ts';

export type BodyOutcome =
  | { readonly kind: 'read'; readonly body: Uint8Array }
  | { readonly kind: 'too-large' }
  /** Others of the same policy hold too much just now. */
  | { readonly kind: 'no-share' }
  /** The client has left in the middle. */
  | { readonly kind: 'gone' };

export interface BodyLimits {
  readonly maxBytes: number;
  /** Asks for room for so many more bytes, before they are kept. */
  readonly hold: (bytes: number) => boolean;
}

/** Reads a whole body. What is refused is not read on: the connection has to be closed with the answer. */
export function readBody(incoming: IncomingMessage, { maxBytes, hold }: BodyLimits): Promise<BodyOutcome> {
  const { promise, resolve } = Promise.withResolvers<BodyOutcome>();
  const collector = createByteCollector();
  const declared = Number(incoming.headers['content-length'] ?? 0);
  let held = 0;

  function settle(outcome: BodyOutcome): void {
    incoming.off('data', keep).off('end', finish).off('close', leave);
    incoming.pause();
    resolve(outcome);
  }
  function makeRoom(needed: number): boolean {
    // Twice as much each time: a body can come byte by byte.
    const wanted = needed <= held ? held : Math.min(maxBytes, Math.max(needed, 2 * held));
    if (needed > maxBytes) settle({ kind: 'too-large' });
    else if (wanted > held && !hold(wanted - held)) settle({ kind: 'no-share' });
    else held = wanted;
    return held >= needed;
  }
  function keep(chunk: Buffer): void {
    if (makeRoom(collector.size() + chunk.length)) collector.append(chunk);
  }
  const finish = (): void => settle({ kind: 'read', body: collector.take() });
  const leave = (): void => settle({ kind: 'gone' });

  if (incoming.destroyed) resolve({ kind: 'gone' });
  // Room is taken for what has come: a client could announce much and send nothing.
  else if (declared > maxBytes) settle({ kind: 'too-large' });
  else incoming.on('data', keep).on('end', finish).on('close', leave);
  return promise;
}
