import { describe, expect, test } from 'vitest';
import { editToolList } from '../../../operator/http/tools/tool-list.ts';

const hidden = new Set(['whoami', 'delete']);

/** What comes out; `same` when it is the very object that went in. */
function edit(text: string, names: ReadonlySet<string> = hidden): string {
  const message = Buffer.from(text);
  const edited = editToolList(message, (tool) => !names.has(tool));
  if (edited === undefined) return 'refused';
  return edited === message ? 'same' : Buffer.from(edited).toString();
}

describe('a list of tools', () => {
  test.each([
    [
      'loses those that are hidden',
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"delete"},{"name":"search"},{"name":"whoami"}]}}',
      '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search"}]}}',
    ],
    [
      'loses them however their names are written',
      '{"result":{"\\u0074ools":[{"n\\u0061me":"\\u0077hoami"},{"name":"a"}]}}',
      '{"result":{"tools":[{"name":"a"}]}}',
    ],
    [
      'may end up empty',
      '{"result":{"tools":[{"name":"whoami"}],"nextCursor":"c"}}',
      '{"result":{"tools":[],"nextCursor":"c"}}',
    ],
    [
      'loses entries that nobody can call by a name',
      '{"result":{"tools":[1,null,"whoami",{},{"name":["whoami"]},{"name":"a"}]}}',
      '{"result":{"tools":[{"name":"a"}]}}',
    ],
    [
      'is not public any more',
      '{"result":{"tools":[{"name":"a"}],"cacheScope":"public","ttlMs":5}}',
      '{"result":{"tools":[{"name":"a"}],"cacheScope":"private","ttlMs":5}}',
    ],
    [
      'is found in a batch',
      '[{"id":1,"result":{"content":[]}},{"id":2,"result":{"tools":[{"name":"whoami"}]}}]',
      '[{"id":1,"result":{"content":[]}},{"id":2,"result":{"tools":[]}}]',
    ],
    [
      'keeps its numbers as they were written',
      '{"id":12345678901234567890,"result":{"tools":[{"name":"whoami"},{"name":"a","max":1.0,"min":-0,"e":1E2}]}}',
      '{"id":12345678901234567890,"result":{"tools":[{"name":"a","max":1.0,"min":-0,"e":1E2}]}}',
    ],
    [
      'keeps members of every name',
      '{"__proto__":{"x":1},"result":{"tools":[{"name":"whoami"},{"name":"a","__proto__":{"y":2}}],"__proto__":3}}',
      '{"__proto__":{"x":1},"result":{"tools":[{"name":"a","__proto__":{"y":2}}],"__proto__":3}}',
    ],
    [
      'is one line for clients that know more ends of lines',
      '{"result":{"tools":[{"name":"whoami"},{"name":"a","title":"\\u2028\\u2029\\u0085\\n\u2028"}]}}',
      '{"result":{"tools":[{"name":"a","title":"\\u2028\\u2029\\u0085\\n\\u2028"}]}}',
    ],
  ])('%s', (_, text, expected) => {
    expect(edit(text)).toBe(expected);
  });

  test('is not public even for a caller from whom nothing is hidden', () => {
    expect(edit('{"result":{"tools":[{"name":"whoami"}],"cacheScope":"public"}}', new Set())).toBe(
      '{"result":{"tools":[{"name":"whoami"}],"cacheScope":"private"}}',
    );
  });
});

test.each([
  ' { "result" : { "tools" : [ { "name" : "a" } ] , "cacheScope" : "private" } } \n',
  '{"result":{"tools":[{"name":"Whoami"},{"name":"whoami "}]}}',
  '{"result":{"tools":{"name":"whoami"}}}',
  '{"result":{"structuredContent":{"tools":[{"name":"whoami"}]},"content":[{"type":"text","text":"tools"}]}}',
  '{"result":{"content":[{"type":"text","text":"{\\"result\\":{\\"tools\\":[{\\"name\\":\\"whoami\\"}]}}"}]}}',
  '{"result":{"cacheScope":"public","resources":[{"name":"whoami"}]}}',
  '{"tools":[{"name":"whoami"}]}',
  '{"params":{"tools":[{"name":"whoami"}]}}',
  '{"error":{"code":1,"data":{"tools":[{"name":"whoami"}]}}}',
  '{"result":[{"tools":[{"name":"whoami"}]}]}',
  '"tools"',
  '[]',
  '12345678901234567890',
])('everything else stays as it is: %s', (text) => {
  expect(edit(text)).toBe('same');
});

test.each([
  ['{"result":{"tools":[{"name":"a","name":"whoami"}]}}', 'a name twice'],
  ['{"result":{"tools":[{"name":"a","n\\u0061me":"whoami"}]}}', 'a name twice, once escaped'],
  ['{"result":{"tools":[]},"result":{"tools":[{"name":"whoami"}]}}', 'a result twice'],
  ['{"result":{"tools":[{"name":"whoami"}]}', 'an end that is missing'],
  ['\ufeff{"result":{"tools":[]}}', 'a byte order mark'],
  ['{"result":{"\\u0074ools":[{"name":"whoami"}]}', 'an escaped name, and an end that is missing'],
  ['{"result":{}\0}', 'a NUL'],
  ['{"result":{}} {"result":{"tools":[{"name":"whoami"}]}}', 'two messages'],
])('what parsers could read in two ways is not passed: %s (%s)', (text) => {
  expect(edit(text)).toBe('refused');
});
