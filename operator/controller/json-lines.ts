import { localError } from './api-error.ts';

const newline = 0x0a;

/**
 * Reads a stream of line-delimited JSON.
 *
 * @param maxLineBytes how long a line may be; more is never held
 * @returns the parsed value of each line
 * @throws `ApiError` with reason `LineTooLong`, `MalformedLine` (not JSON) or `TruncatedLine` (ended within a line)
 */
export async function* readJsonLines(
  source: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<unknown, void, undefined> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of source) {
    let rest = chunk;
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      checkLength(heldBytes + end, maxLineBytes);
      // Decoded whole: a character may lie across two chunks.
      yield parseLine(Buffer.concat([...held, rest.subarray(0, end)]).toString('utf8'));
      held = [];
      heldBytes = 0;
      rest = rest.subarray(end + 1);
    }
    heldBytes += rest.length;
    checkLength(heldBytes, maxLineBytes);
    held.push(rest);
  }
  if (heldBytes > 0) {
    throw localError('TruncatedLine');
  }
}

function checkLength(bytes: number, maxLineBytes: number): void {
  if (bytes > maxLineBytes) {
    throw localError('LineTooLong');
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw localError('MalformedLine');
  }
}
