import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readYaml } from '../../operator/standalone/yaml-documents.ts';

function valuesOf(text: string): readonly unknown[] {
  const { documents, errors } = readYaml(text);
  expect(errors).toEqual([]);
  return documents.map(({ value }) => value);
}

function errorsOf(text: string): readonly string[] {
  return readYaml(text).errors.map(({ line, message }) => `${line}: ${message}`);
}

describe('values', () => {
  test.each([
    [
      'words that YAML 1.1 took for booleans',
      'a: [yes, on, off, n, true]',
      { a: ['yes', 'on', 'off', 'n', true] },
    ],
    ['dates', 'a: 2026-01-01T00:00:00Z', { a: '2026-01-01T00:00:00Z' }],
    ['YAML 1.1 when a document asks for it', '%YAML 1.1\n---\na: yes', { a: 'yes' }],
    ['keys, which are always strings', '1: a\ntrue: b\nnull: c\n', { '1': 'a', true: 'b', null: 'c' }],
    ['no value', 'a:\nb: ~', { a: null, b: null }],
    ['anchors', 'a: &x [1, { b: 2 }]\nc: *x', { a: [1, { b: 2 }], c: [1, { b: 2 }] }],
    ['an anchor that is set anew', 'a: &x 1\nb: *x\nc: &x 2\nd: *x', { a: 1, b: 1, c: 2, d: 2 }],
    ['an alias in an anchor', 'a: &x 1\nb: &y [*x]\nx: &x 2\nc: *y', { a: 1, b: [1], x: 2, c: [1] }],
    [
      'merge keys, own members first',
      'a: &x { p: 1, q: 2 }\nb: { p: 3, <<: *x }',
      { a: { p: 1, q: 2 }, b: { p: 3, q: 2 } },
    ],
    ['merge keys, the first source first', 'a: { <<: [{ p: 1 }, { p: 2, q: 3 }] }', { a: { p: 1, q: 3 } }],
    ['a quoted << is no merge key', "'<<': 1", { '<<': 1 }],
  ])('%s', (_, text, value) => {
    expect(valuesOf(text)).toEqual([value]);
  });

  test('a large document that is only data', () => {
    const data = { key: 'x'.repeat(1_500_000) };
    expect(valuesOf(JSON.stringify(data))).toEqual([data]);
  });
});

describe('errors', () => {
  test.each([
    [
      'a tab as indentation',
      'a:\n\tb: 1\n',
      '2: not valid YAML: Tabs are not allowed as indentation (column 1)',
    ],
    ['an open bracket', 'a: 1\nb: [1,\n', /^3: not valid YAML: .*\]/],
    [
      'a key given twice',
      'a: 1\nb:\n  c: 1\n  c: 2\n',
      '4: not valid YAML: the key "c" is given twice in one mapping (column 3)',
    ],
    [
      'a key given twice in JSON',
      '{"a": 1,\n "a": 2}',
      '2: not valid YAML: the key "a" is given twice in one mapping (column 2)',
    ],
    [
      'two keys that are the same string',
      '1: a\n"1": b\n',
      '2: not valid YAML: the key "1" is given twice in one mapping (column 1)',
    ],
    ['two JSON values', '{"a": 1}\n{"b": 2}\n', /^2: not valid YAML: .*, and 4 more in this document$/],
    ['a key that is a list', '? [a]\n: 1\n', /^1: not valid YAML: .*keys must be strings/],
    ['an unknown tag', 'a: !secret x\n', '1: not valid YAML: Unresolved tag: !secret (column 4)'],
    [
      'binary',
      'a: 1\nb: !!binary aGk=\n',
      '2: not valid YAML: Unresolved tag: tag:yaml.org,2002:binary (column 4)',
    ],
    ['infinity', 'a: -.inf\n', '1: not valid YAML: -.inf is not a number that JSON can hold (column 4)'],
    [
      'an alias without anchor',
      'a: 1\nb: *x\n',
      '2: not valid YAML: the alias *x has no anchor before it (column 4)',
    ],
    [
      'an alias in its own anchor',
      'a: &x\n  b: *x\n',
      '2: not valid YAML: the alias *x has no anchor before it (column 6)',
    ],
    [
      'a merge of no mapping',
      'a: &x [1]\nb: { <<: *x }\n',
      '2: not valid YAML: the merge key << takes an alias of a mapping, or a list of them (column 6)',
    ],
  ])('%s', (_, text, error) => {
    const errors = errorsOf(text);
    expect(errors).toEqual([typeof error === 'string' ? error : expect.stringMatching(error)]);
    expect(readYaml(text).documents).toEqual([]);
  });
});

describe('hostile documents are refused, and quickly', () => {
  function bomb(levels: number, first: string, next: (alias: string, level: number) => string): string {
    const rest = Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} ${next(`*a${i}`, i)}\n`);
    return `a0: &a0 ${first}\n${rest.join('')}`;
  }

  test.each([
    ['of strings', bomb(40, '[lol]', (alias) => `[${alias}, ${alias}]`)],
    ['of empty lists', bomb(40, '[]', (alias) => `[${alias}, ${alias}]`)],
    ['of mappings', bomb(40, '{ k: v }', (alias) => `{ p: ${alias}, q: ${alias} }`)],
    ['of merge keys', bomb(40, '{ k: v }', (alias, level) => `{ <<: ${alias}, p${level}: ${alias} }`)],
    ['of one long string', `a: &a ${'x'.repeat(300_000)}\nb: [*a, *a, *a, *a]\n`],
  ])('an alias bomb %s', (_, text) => {
    expect(errorsOf(text)).toEqual([expect.stringContaining('aliases repeat more than 1 MiB')]);
  });

  test('a hundred levels are read, more are not', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(errorsOf(nested(100))).toEqual([]);
    expect(errorsOf(nested(101))).toEqual(['1: not valid YAML: nested deeper than 100 levels (column 101)']);
    expect(errorsOf(nested(20_000))).toHaveLength(1);
  });

  // The limit of time is that of every test: quadratic, these would take longer.
  test.each([
    ['keys', 45_000, (i: number) => `k${i}: 1\n`],
    ['anchors', 35_000, (i: number) => `- &a${i} x\n- *a${i}\n`],
  ])('very many %s', (_, count, line) => {
    expect(errorsOf(Array.from({ length: count }, (_, i) => line(i)).join(''))).toEqual([]);
  });

  test('very many merge sources', () => {
    expect(errorsOf(`a: &a {}\nb: { <<: [${'*a,'.repeat(150_000)}] }`)).toEqual([]);
  });

  test('whatever the text, an answer', () => {
    const fragment = fc.constantFrom(
      ...[
        'a',
        '1',
        ':',
        ': ',
        '- ',
        '? ',
        '\n',
        '  ',
        '\t',
        '[',
        ']',
        '{',
        '}',
        ',',
        '"',
        "'",
        '#',
        '|',
        '>',
      ],
      ...[
        '&x ',
        '*x',
        '<<: ',
        '!t ',
        '---\n',
        '...\n',
        '%YAML 1.1\n',
        '\ufeff',
        '\r\n',
        '\\',
        '.inf',
        '~',
        '\0',
      ],
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 40 }), (fragments) => {
        const { documents, errors } = readYaml(fragments.join(''));
        for (const { value } of documents) JSON.stringify(value);
        for (const { line } of errors) expect(line).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});
