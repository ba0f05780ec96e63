import { describe, expect, it } from 'vitest';
import { readJsonLines } from '../../operator/controller/json-lines.ts';

async function* inChunks(...chunks: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    yield Buffer.from(chunk as string);
  }
}

async function read(source: AsyncIterable<Buffer>, maxLineBytes = 100): Promise<readonly unknown[]> {
  const values: unknown[] = [];
  for await (const value of readJsonLines(source, maxLineBytes)) {
    values.push(value);
  }
  return values;
}

describe('readJsonLines', () => {
  it('finds lines wherever chunks begin and end', async () => {
    expect(await read(inChunks('1\n2\n', '3', '\n{"a"', ':', '4}\n'))).toEqual([1, 2, 3, { a: 4 }]);
    expect(await read(inChunks())).toEqual([]);
  });

  it('puts characters together that were cut in two', async () => {
    const bytes = Buffer.from('"ż"\n');
    expect(await read(inChunks(bytes.subarray(0, 2), bytes.subarray(2)))).toEqual(['ż']);
  });

  it.each<[string, readonly string[], string]>([
    ['a line that is not JSON', ['1\n<html>\n'], 'MalformedLine'],
    ['an empty line', ['\n'], 'MalformedLine'],
    ['an end within a line', ['1\n{"a"'], 'TruncatedLine'],
    ['a complete value without its line break', ['1\n2'], 'TruncatedLine'],
    ['a line too long', [`"${'x'.repeat(99)}"\n`], 'LineTooLong'],
    ['a line that grows too long', ['"', 'x'.repeat(50), 'x'.repeat(50)], 'LineTooLong'],
  ])('refuses %s', async (_, chunks, reason) => {
    await expect(read(inChunks(...chunks))).rejects.toMatchObject({ code: 0, reason });
  });

  it('takes a line of exactly the length that is allowed', async () => {
    expect(await read(inChunks(`"${'x'.repeat(98)}"`, '\n'))).toHaveLength(1);
  });
});
