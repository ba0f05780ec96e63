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
}

/**
 * What the answer of an MCP server goes through on its way to a caller: messages that list tools lose those that the caller
 * cannot call. Everything else passes as it is: events one by one as they come, a JSON answer when it is there as a whole.
 *
 * The stream is destroyed when a message cannot be read, is larger than `maxBytes`, or finds no room. Otherwise who takes
 * its output destroys it: what was kept of a JSON answer is held until then, for a client may be slow to take it.
 *
 * @returns undefined when the policy has no tool rules; `refuse` for a result that is neither JSON nor events.
 */
export function createToolListFilter(
  admission: Admission,
  { status, mediaType }: Pick<PassedAnswer, 'status' | 'mediaType'>,
  { maxBytes, hold }: FilterLimits,
): Transform | 'refuse' | undefined {
  if (admission.policy.tools.length === 0) return undefined;
  const edit = (message: Uint8Array): Uint8Array => {
    const edited = editToolList(message, (tool) => mayUseTool(admission, tool));
    if (edited === undefined) throw unusable();
    return edited;
  };
  switch (mediaType) {
    case 'application/json':
      return toTransform(createWholeEditor(edit, maxBytes), hold);
    case 'text/event-stream':
      return toTransform(createEventStreamEditor({ edit, maxBytes, tooLarge }), hold);
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
  let heldBytes = 0;
  return {
    push(chunk) {
      if (heldBytes + chunk.length > maxBytes) throw tooLarge();
      message.append(chunk);
      heldBytes += chunk.length;
      return nothing;
    },
    end: () => (heldBytes === 0 ? nothing : edit(message.take())),
    heldBytes: () => heldBytes,
  };
}

const nothing = new Uint8Array();

function toTransform(editor: Editor, hold: FilterLimits['hold']): Transform {
  let release: Release | undefined;

  function holdWhatWaits(): void {
    release?.();
    const bytes = editor.heldBytes();
    release = bytes === 0 ? undefined : hold(bytes);
    if (bytes > 0 && release === undefined) throw tooLarge();
  }

  function step(work: () => Uint8Array, done: (error: Error | null, output?: Uint8Array) => void): void {
    try {
      const output = work();
      holdWhatWaits();
      done(null, ...(output.length === 0 ? [] : [output]));
    } catch (error) {
      done(error as Error);
    }
  }

  return new Transform({
    autoDestroy: false,
    transform: (chunk: Uint8Array, _, done) => step(() => editor.push(chunk), done),
    flush: (done) => step(() => editor.end(), done),
    destroy(error, done) {
      release?.();
      done(error);
    },
  });
}

function withoutBody(): Transform {
  return new Transform({ transform: (_chunk, _encoding, done) => done() });
}
