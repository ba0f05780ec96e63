import { createLineSplitter, type Piece } from './line-splitter.ts';

/** Goes through a stream of server-sent events without knowing more of it than has come so far. */
export interface EventStreamEditor {
  /** Takes what has come; gives what can go on. Throws what `edit` throws, and when an event is too large. */
  push(chunk: Uint8Array): Uint8Array;
  /** The stream has ended: gives the rest. An event without its blank line is edited as if it had one. */
  end(): Uint8Array;
  /** Bytes that wait for the rest of their event. */
  heldBytes(): number;
}

export interface EventStreamParts {
  /** Gets the data of an event that has some, and gives the same object, or what is to be sent in its place: one line. */
  readonly edit: (data: Uint8Array) => Uint8Array;
  /** Of one event as it is sent. */
  readonly maxBytes: number;
  /** Makes what is thrown when there are more. */
  readonly tooLarge: () => Error;
}

/**
 * Reads events as the WHATWG has it (HTML, "Server-sent events"): lines end with CR, LF or both, an event with an empty
 * line, its data may have several lines, a byte order mark may come first. Whatever is not edited goes on byte for byte
 * and in order, and at once: only an event that has begun to have data waits for its end.
 */
export function createEventStreamEditor(parts: EventStreamParts): EventStreamEditor {
  const lines = createLineSplitter();
  let held: Uint8Array[] = [];
  let heldBytes = 0;

  function takeEvent(): readonly Uint8Array[] {
    const event = held;
    held = [];
    heldBytes = 0;
    return editEvent(event, parts.edit);
  }

  function takeLine(line: Uint8Array): readonly Uint8Array[] {
    if (heldBytes + line.length > parts.maxBytes || held.length === maxLines) throw parts.tooLarge();
    if (withoutEnd(line).length === 0) return [...takeEvent(), line];
    if (held.length === 0 && dataOf(line) === undefined) return [line];
    held.push(line);
    heldBytes += line.length;
    return [];
  }

  /** Goes with the line before it, if that waits. */
  function takeOther(bytes: Uint8Array): readonly Uint8Array[] {
    const last = held.pop();
    if (last === undefined) return [bytes];
    held.push(Buffer.concat([last, bytes]));
    heldBytes += bytes.length;
    return [];
  }

  const take = ({ kind, bytes }: Piece): readonly Uint8Array[] =>
    kind === 'line' ? takeLine(bytes) : takeOther(bytes);

  return {
    push(chunk) {
      const out = lines.push(chunk).flatMap(take);
      if (heldBytes + lines.heldBytes() > parts.maxBytes) throw parts.tooLarge();
      return Buffer.concat(out);
    },
    end: () => Buffer.concat([...lines.end().flatMap(take), ...takeEvent()]),
    heldBytes: () => heldBytes + lines.heldBytes(),
  };
}

function editEvent(event: readonly Uint8Array[], edit: EventStreamParts['edit']): readonly Uint8Array[] {
  const found = event.map(dataOf);
  const data = Buffer.concat(
    found
      .filter((value) => value !== undefined)
      .flatMap((value, index) => (index === 0 ? [value] : [newline, value])),
  );
  // Events without data are not events; servers of 2025-11-25 begin a stream with one, for its id.
  if (data.length === 0) return event;
  const edited = edit(data);
  if (edited === data) return event;
  const first = found.findIndex((value) => value !== undefined);
  return event.flatMap((line, index) => {
    if (found[index] === undefined) return [line];
    return index === first ? [dataField, edited, line.subarray(withoutEnd(line).length)] : [];
  });
}

/** The value of a data field, without the one space that may stand before it; undefined for every other line. */
function dataOf(line: Uint8Array): Uint8Array | undefined {
  const content = withoutEnd(line);
  if (!dataName.every((code, index) => content[index] === code)) return undefined;
  if (content.length === dataName.length) return content.subarray(dataName.length);
  if (content[dataName.length] !== colon) return undefined;
  return content.subarray(dataName.length + (content[dataName.length + 1] === space ? 2 : 1));
}

function withoutEnd(line: Uint8Array): Uint8Array {
  let end = line.length;
  if (line[end - 1] === lineFeed) end -= 1;
  if (line[end - 1] === carriageReturn) end -= 1;
  return line.subarray(0, end);
}

/** Of one event: a line of two bytes takes more than a hundred in memory. */
const maxLines = 10_000;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const colon = 0x3a;
const newline = Uint8Array.of(lineFeed);
const dataName = [0x64, 0x61, 0x74, 0x61];
const dataField = Buffer.from('data: ');
