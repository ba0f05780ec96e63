import { describe, expect, test } from 'vitest';
import { createEventStreamEditor } from '../../../operator/http/tools/event-stream.ts';

/** Edits data that holds an `x`, refuses what holds a `!`, and notes all that it is asked about. */
function start(maxBytes = 1000) {
  const asked: string[] = [];
  const editor = createEventStreamEditor({
    edit(data) {
      const text = Buffer.from(data).toString();
      asked.push(text);
      if (text.includes('!')) throw new Error('refused');
      return text.includes('x') ? Buffer.from('edited') : data;
    },
    maxBytes,
    tooLarge: () => new Error('too large'),
  });
  const push = (text: string): string => Buffer.from(editor.push(Buffer.from(text))).toString();
  const end = (): string => Buffer.from(editor.end()).toString();
  return { asked, push, end, heldBytes: editor.heldBytes };
}

function passThrough(text: string): { readonly out: string; readonly asked: readonly string[] } {
  const { push, end, asked } = start();
  return { out: push(text) + end(), asked };
}

describe('the data of an event', () => {
  test.each([
    ['data: a\n\n', ['a']],
    ['data:a\r\n\r\n', ['a']],
    ['data: a\r\rdata:  b\r\r', ['a', ' b']],
    ['data: a\ndata: b\r\ndata:\rdata\n\n', ['a\nb\n\n']],
    ['event: message\nid: 1\ndata: a\nretry: 5\n\n', ['a']],
    ['\ufeffdata: a\n\n', ['a']],
    ['\n\n\ndata: a\n\n\n', ['a']],
    ['data: a', ['a']],
    ['data: é\u2028\n\n', ['é\u2028']],
  ])('of %j is found, and without an edit nothing changes', (text, expected) => {
    expect(passThrough(text)).toEqual({ out: text, asked: expected });
  });

  test.each([
    ': data: x\n\n',
    'id: 1\ndata:\n\n',
    'data\n\n',
    'data: \r\n\r\n',
    'Data: x\n\n',
    ' data: x\n\n',
    'data : x\n\n',
    'database: x\n\n',
    '\n\ufeffdata: x\n\n',
    'dat',
    '',
  ])('of %j there is none', (text) => {
    expect(passThrough(text)).toEqual({ out: text, asked: [] });
  });

  test.each([
    ['data: x\n\n', 'data: edited\n\n'],
    ['data:x\r\rdata: a\r\r', 'data: edited\r\rdata: a\r\r'],
    ['id: 1\r\nevent: e\r\ndata: x\r\n\r\n', 'id: 1\r\nevent: e\r\ndata: edited\r\n\r\n'],
    ['data: x\n: c\nid: 1\ndata: y\nretry: 5\n\n', 'data: edited\n: c\nid: 1\nretry: 5\n\n'],
    ['\ufeffdata: x\n\n', '\ufeffdata: edited\n\n'],
    ['data: a\n\ndata: x', 'data: a\n\ndata: edited'],
    ['data: {\ndata: x', 'data: edited\n'],
  ])('of %j is replaced, the rest stays', (text, expected) => {
    expect(passThrough(text).out).toBe(expected);
  });
});

test('what has come goes on at once; only an event with data waits for its end', () => {
  const { push, heldBytes } = start();
  expect(push(': keep-alive\n')).toBe(': keep-alive\n');
  expect(push('id: 1\r')).toBe('id: 1\r');
  expect(push('\nda')).toBe('\n');
  expect(heldBytes()).toBe(2);
  expect(push('ta: a\nid: 2\r')).toBe('');
  expect(heldBytes()).toBe(14);
  expect(push('\n\r')).toBe('data: a\nid: 2\r\n\r');
  expect(heldBytes()).toBe(0);
  expect(push('\n')).toBe('\n');
});

test('an event may have so many bytes, however they come', () => {
  expect(start(11).push('data: abc\n\n')).toBe('data: abc\n\n');
  expect(() => start(9).push('data: abcd\n\n')).toThrow('too large');
  const slow = start(9);
  expect(slow.push('data: abc')).toBe('');
  expect(() => slow.push('d')).toThrow('too large');
  expect(() => start(9).push(`:${'c'.repeat(20)}\n`)).toThrow('too large');
  expect(() => start(1_000_000).push('data:\n'.repeat(10_001))).toThrow('too large');
});

test('nothing of an event that is refused goes on', () => {
  const { push, end } = start();
  expect(push('data: a\n\nid: 1\ndata: secret\ndata: !\n')).toBe('data: a\n\nid: 1\n');
  expect(() => push('\n')).toThrow('refused');
  const ended = start();
  expect(ended.push('data: !')).toBe('');
  expect(() => ended.end()).toThrow('refused');
  expect(end()).toBe('');
});
