import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonLimits, parseStrictJson } from '../../operator/json/strict-json.ts';

const encoder = new TextEncoder();

function parse(text: string, limits?: Partial<JsonLimits>): unknown {
  const parsed = parseStrictJson(encoder.encode(text), limits);
  return parsed.ok ? parsed.value : 'refused';
}

function nest(depth: number, open: string, close: string, inner = ''): string {
  return open.repeat(depth) + inner + close.repeat(depth);
}

function membersOf(count: number): string {
  return JSON.stringify(
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index])),
  );
}

describe('parseStrictJson', () => {
  it.each([
    '{}',
    '[]',
    'null',
    ' true ',
    '-0',
    '1e-7',
    '"\\u00e9\\ud83d\\ude00\\n"',
    '\t\r\n{ "a" : [ 1 , { "b" : null } ] } ',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
  ])('reads %j as JSON.parse does', (text) => {
    expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
  });

  it.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"x":[{"a":1,"b":2,"a":1}]}',
    '{"__proto__":1,"__proto__":2}',
    '{"__proto__":1,"\\u005f_proto__":2}',
    '{"":1,"":2}',
  ])('refuses two members of one name: %s', (text) => {
    expect(parse(text)).toBe('refused');
  });

  it.each(['1e400', '-1e400', '{"exp":1e999}', '[[1E+309]]'])(
    'refuses a number that is no double: %s',
    (text) => {
      expect(parse(text)).toBe('refused');
    },
  );

  it.each(['"\\ud83d"', '"\\ude00\\ud83d"', '{"\\udfff":1}'])('refuses a lone surrogate: %s', (text) => {
    expect(parse(text)).toBe('refused');
  });

  it.each([
    ['byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
    ['overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['truncated sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['beyond Unicode', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
    ['UTF-16', [0x7b, 0x00, 0x7d, 0x00]],
    ['nothing', []],
  ])('refuses bytes: %s', (_, bytes) => {
    expect(parseStrictJson(Uint8Array.from(bytes))).toEqual({ ok: false });
  });

  it.each([
    '{',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '[1 2]',
    '01',
    '+1',
    '1.',
    '.5',
    '-',
    '0x10',
    'NaN',
    'Infinity',
    'tru',
    'nulls',
    'undefined',
    '"a',
    '"\\x41"',
    '"\\u00g0"',
    '"\\"',
    '"a\tb"',
    '"a\u0000b"',
    '{} {}',
    '{}\u00a0',
    '\u2028{}',
    '/* */{}',
    '{"a":undefined}',
    '<!doctype html>',
  ])('refuses bad syntax: %j', (text) => {
    expect(parse(text)).toBe('refused');
  });

  it('keeps to its depth', () => {
    expect(parse(nest(16, '[', ']'))).not.toBe('refused');
    expect(parse(nest(17, '[', ']'))).toBe('refused');
    expect(parse(nest(16, '{"a":', '}', '1'))).not.toBe('refused');
    expect(parse(nest(17, '{"a":', '}', '1'))).toBe('refused');
    expect(parse(nest(3, '[', ']'), { maxDepth: 2 })).toBe('refused');
    expect(parse(nest(100_000, '[', ']'))).toBe('refused');
  });

  it('keeps to its number of members', () => {
    expect(parse(membersOf(256))).not.toBe('refused');
    expect(parse(membersOf(257))).toBe('refused');
    expect(parse(membersOf(3), { maxMembers: 2 })).toBe('refused');
    expect(parse(`[${'{},'.repeat(1000)}{}]`)).toHaveLength(1001);
  });

  it('keeps to its number of values, nested ones included', () => {
    expect(parse(`[${'1,'.repeat(9_998)}1]`)).toHaveLength(9_999);
    expect(parse(`[${'1,'.repeat(9_999)}1]`)).toBe('refused');
    expect(parse(`{"keys":[],"x":[${'{},'.repeat(80_000)}{}]}`)).toBe('refused');
    expect(parse('[[1],2]', { maxValues: 3 })).toBe('refused');
  });

  it('makes objects in which nothing is found that was not written', () => {
    const value = parse('{"__proto__":{"admin":true},"a":{"constructor":1}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'a']);
    expect(value.admin).toBeUndefined();
    expect(value.toString).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.getPrototypeOf(value.a)).toBeNull();
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  it('reads what is long, or gives up on it', () => {
    expect(parse(`"${'\\u0061'.repeat(40_000)}"`)).toHaveLength(40_000);
    expect(parse(`[${'1,'.repeat(120_000)}1]`, { maxValues: 1_000_000 })).toHaveLength(120_001);
    expect(parse(`"${'\\'.repeat(200_001)}"`)).toBe('refused');
  });
});

describe('parseStrictJson, whatever it is given', () => {
  it('accepts what JSON.stringify makes, and agrees with JSON.parse', () => {
    const value = fc.jsonValue({ maxDepth: 14, stringUnit: 'grapheme' });
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2, '\t'), (made, indent) => {
        const text = JSON.stringify(made, null, indent);
        expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 1000 },
    );
  });

  it('accepts nothing that JSON.parse refuses, and otherwise agrees', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      '"a"',
      '"b"',
      ':',
      ',',
      '1',
      '-',
      '.',
      'e',
      'true',
      'null',
      '\\',
      '"',
      ' ',
      '\u0000',
    ];
    const fragments = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(fc.property(fc.oneof(fragments, fc.string()), agreesWithJsonParse), { numRuns: 5000 });
  });

  it('accepts no mutation that JSON.parse refuses', () => {
    const mutation = fc.record({ value: fc.json(), at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(mutation, ({ value, at, byte }) => {
        const bytes = encoder.encode(value);
        bytes[at % bytes.length] = byte;
        const parsed = parseStrictJson(bytes);
        if (!parsed.ok) return;
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
        expect(JSON.stringify(parsed.value)).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 3000 },
    );
  });
});

function agreesWithJsonParse(text: string): void {
  const parsed = parseStrictJson(encoder.encode(text));
  if (parsed.ok) expect(JSON.stringify(parsed.value)).toBe(JSON.stringify(JSON.parse(text)));
}
