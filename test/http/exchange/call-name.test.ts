import { expect, test } from 'vitest';
import { callOfBody, callOfHeaders } from '../../../operator/http/exchange/call-name.ts';

function ofHeaders(...rawHeaders: readonly string[]) {
  return callOfHeaders({ method: 'POST', target: '/', rawHeaders });
}

test('a tool call is named by its method and its tool, and by who says so', () => {
  expect(callOfBody({ method: 'tools/call', name: 'search' })).toEqual({
    rpcMethod: 'tools/call',
    tool: 'search',
    toldBy: 'body',
  });
  expect(ofHeaders('MCP-Method', 'tools/call', 'Mcp-Name', 'search')).toEqual({
    rpcMethod: 'tools/call',
    tool: 'search',
    toldBy: 'headers',
  });
});

test('only tools are named: the URI of a resource may hold a secret', () => {
  const name = 'https://files.example/a?token=secret';
  expect(ofHeaders('Mcp-Method', 'resources/read', 'Mcp-Name', name)).toEqual({
    rpcMethod: 'resources/read',
    toldBy: 'headers',
  });
  expect(callOfBody({ method: 'resources/read', name })).toEqual({
    rpcMethod: 'resources/read',
    toldBy: 'body',
  });
});

test.each([
  ['no header', []],
  ['a name alone', ['Mcp-Name', 'search']],
  ['two methods', ['Mcp-Method', 'tools/call', 'Mcp-Method', 'ping']],
])('nothing is said of a request with %s', (_, headers) => {
  expect(ofHeaders(...headers)).toBeUndefined();
});

test('of two names neither is believed', () => {
  expect(ofHeaders('Mcp-Method', 'tools/call', 'Mcp-Name', 'a', 'Mcp-Name', 'b')).toEqual({
    rpcMethod: 'tools/call',
    toldBy: 'headers',
  });
});

test('what is not printable ASCII is replaced, and what is long is cut', () => {
  expect(callOfBody({ method: 'a\nb\u0000\u007fé\u{1f600}' }).rpcMethod).toBe('a?b?????');
  expect(callOfBody({ method: 'tools/call', name: `${'n'.repeat(127)}\u2028more` }).tool).toBe(
    `${'n'.repeat(127)}?`,
  );
});
