import { Transform } from 'node:stream';
import type { Admission } from '../backend.ts';
import { createByteCollector } from '../byte-collector.ts';
import type { PassedAnswer } from '../proxy/answer-headers.ts';
import { UpstreamError } from '../proxy/upstream-failure.ts';
import type { Release } from '../shares.ts';
import { createEventStreamEditor } from './event-stream.ts';
import { editToolList } from './tool-list.ts';
import { mayUseTool } from './tool-rules.ts';

export interface FilterLimits {
  /** Of one message. */
  readonly maxBytes: number;
  /** Asks for room for so many bytes of the policy's share; undefined when there is none. */
  readonly hold: (bytes: number) => Release | undefined;
  /** Does work that takes long for a large message, when there is time for this policy. */
  readonly spend: <T>(work: () => T) => Promise<T>;
}

/**
 * What the answer of an MCP server goes through on its way to a caller: messages that list tools lose those that the caller
 * cannot call. Everything else passes as it is: events one by one as they come, a JSON answer when it is there as a whole.
 *
 * The stream is destroyed when a message cannot be read, is larger than `maxBytes`, or finds no room. What a slow client has
 * not taken yet is held as well.
 *
 * @returns undefined when the policy has no tool rules; `refuse` for a result that is neither JSON nor events.
 */
export function createToolListFilter(
  admission: Admission,
  { status, mediaType }: Pick<PassedAnswer, 'status' | 'mediaType'>,
  { maxBytes, ...limits }: FilterLimits,
): Transform | 'refuse' | undefined {
  if (admission.policy.tools.length === 0) return undefined;
  const edit = (message: Uint8Array): Uint8Array => {
    const edited = editToolList(message, (tool) => mayUseTool(admission, tool));
    if (edited === undefined) throw unusable();
    return edited;
  };
  switch (mediaType) {
    case 'application/json':
      return toTransform(createWholeEditor(edit, maxBytes), limits);
    case 'text/event-stream':
      return toTransform(createEventStreamEditor({ edit, maxBytes, tooLarge }), limits);
    case '':
      return withoutBody();
    default:
      // A result comes with 200. The text of an error, or beside 202, is for nobody; its status is.
      return status === 200 ? 'refuse' : withoutBody();
  }
}

function unusable(): Error {
  return new UpstreamError('bad_answer');
}

function tooLarge(): Error {
  return new UpstreamError('too_large');
}

/** What takes bytes and gives those that can go on; the rest is held. */
interface Editor {
  push(chunk: Uint8Array): Uint8Array;
  end(): Uint8Array;
  heldBytes(): number;
}

function createWholeEditor(edit: (message: Uint8Array) => Uint8Array, maxBytes: number): Editor {
  const message = createByteCollector();
  return {
    push(chunk) {
      if (message.size() + chunk.length > maxBytes) throw tooLarge();
      message.append(chunk);
      return nothing;
    },
    end: () => (message.size() === 0 ? nothing : edit(message.take())),
    heldBytes: message.size,
  };
}

const nothing = new Uint8Array();

/** A consumer that is slow takes no more of an output than this at once; the rest waits here, and is counted. */
const sliceBytes = 16 * 1024;

/** Copies: the last part of a view would keep all of it. */
function slicesOf(output: Uint8Array): readonly Uint8Array[] {
  if (output.length <= sliceBytes) return output.length === 0 ? [] : [output];
  return Array.from({ length: Math.ceil(output.length / sliceBytes) }, (_, index) =>
    Buffer.from(output.subarray(index * sliceBytes, (index + 1) * sliceBytes)),
  );
}

function toTransform(editor: Editor, { hold, spend }: Omit<FilterLimits, 'maxBytes'>): Transform {
  let release: Release | undefined;

  function holdWhatWaits(): void {
    release?.();
    // Two are still there when it is read for the last time: a stream that is silent then must not hold them.
    const bytes = editor.heldBytes() + Math.max(0, stream.readableLength - 2 * sliceBytes);
    release = bytes === 0 ? undefined : hold(bytes);
    if (bytes > 0 && release === undefined) throw tooLarge();
  }

  async function step(work: () => Uint8Array, done: (error?: Error | null) => void): Promise<void> {
    try {
      const output = await spend(work);
      if (stream.destroyed) return;
      for (const slice of slicesOf(output)) stream.push(slice);
      holdWhatWaits();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  const stream = new Transform({
    readableHighWaterMark: sliceBytes,
    transform: (chunk: Uint8Array, _, done) => void step(() => editor.push(chunk), done),
    flush: (done) => void step(() => editor.end(), done),
    read(size) {
      // Less than before: there is room.
      if (release !== undefined) holdWhatWaits();
      Transform.prototype._read.call(stream, size);
    },
    destroy(error, done) {
      release?.();
      done(error);
    },
  });
  return stream;
}

function withoutBody(): Transform {
  return new Transform({ transform: (_chunk, _encoding, done) => done() });
}
