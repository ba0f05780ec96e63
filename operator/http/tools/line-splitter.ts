import { createByteCollector } from '../byte-collector.ts';

export interface Piece {
  /** `other`: a byte order mark, or the LF after a CR with which a line has ended already. */
  readonly kind: 'line' | 'other';
  /** Of a line with what ends it. */
  readonly bytes: Uint8Array;
}

/** Cuts a stream into lines, wherever its chunks begin and end. Nothing is lost, and order is kept. */
export interface LineSplitter {
  push(chunk: Uint8Array): readonly Piece[];
  /** The last line, when nothing has ended it. */
  end(): readonly Piece[];
  /** Bytes of the line that has no end yet. */
  heldBytes(): number;
}

/**
 * Lines end with CR, LF or both, and a byte order mark may come first (HTML, "Server-sent events"). A CR ends a line at
 * once: what comes next may be long in coming.
 */
export function createLineSplitter(): LineSplitter {
  const begun = createByteCollector();
  let isFirst = true;
  let endedWithReturn = false;

  function complete(tail: Uint8Array): readonly Piece[] {
    const line = begun.size() === 0 ? tail : takeWith(tail);
    const hasMark = isFirst && byteOrderMark.every((code, index) => line[index] === code);
    isFirst = false;
    if (!hasMark) return [{ kind: 'line', bytes: line }];
    return [
      { kind: 'other', bytes: line.subarray(0, byteOrderMark.length) },
      { kind: 'line', bytes: line.subarray(byteOrderMark.length) },
    ];
  }

  function takeWith(tail: Uint8Array): Uint8Array {
    begun.append(tail);
    return begun.take();
  }

  return {
    push(chunk) {
      if (chunk.length === 0) return [];
      const pieces: Piece[] = [];
      let start = 0;
      if (endedWithReturn && chunk[0] === lineFeed) {
        pieces.push({ kind: 'other', bytes: chunk.subarray(0, 1) });
        start = 1;
      }
      endedWithReturn = chunk.at(-1) === carriageReturn;
      for (let end = endOfLine(chunk, start); end !== undefined; end = endOfLine(chunk, start)) {
        pieces.push(...complete(chunk.subarray(start, end)));
        start = end;
      }
      if (start < chunk.length) begun.append(chunk.subarray(start));
      return pieces;
    },
    end: () => (begun.size() === 0 ? [] : complete(new Uint8Array())),
    heldBytes: begun.size,
  };
}

/** Where the line after `start` ends, what ends it included. */
function endOfLine(chunk: Uint8Array, start: number): number | undefined {
  for (let at = start; at < chunk.length; at += 1) {
    if (chunk[at] === lineFeed) return at + 1;
    if (chunk[at] === carriageReturn) return chunk[at + 1] === lineFeed ? at + 2 : at + 1;
  }
  return undefined;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf];
