import { describe, expect, test } from 'vitest';
import { inspectRequest } from '../../../operator/http/tools/inspect-request.ts';
import { mayUseTool } from '../../../operator/http/tools/tool-rules.ts';
import { admit } from './admissions.ts';

const rules = [
  { names: ['delete', 'drop'], scopes: ['db:write', 'db:admin'] },
  { names: ['drop'], scopes: ['db:drop'] },
  { names: ['read'], scopes: ['db:read'] },
];

interface Ask {
  readonly scopes?: readonly string[];
  readonly headers?: readonly string[];
  readonly method?: string;
  readonly contentType?: readonly string[];
}

const json = ['Content-Type', 'application/json'];

function inspectBytes(
  body: Uint8Array,
  { scopes = ['mcp:use'], headers = [], method = 'POST', contentType = json }: Ask = {},
) {
  const head = { method, target: '/team-a/tools/mcp', rawHeaders: [...contentType, ...headers] };
  const inspection = inspectRequest({ head, body }, admit(scopes, rules));
  const answer = inspection.kind === 'answer' ? inspection : undefined;
  return {
    inspection,
    reason: answer?.reason,
    status: answer?.answer.status,
    challenge: answer?.answer.headers['www-authenticate'],
    error: answer?.answer.body === undefined ? undefined : JSON.parse(answer.answer.body),
  };
}

function inspect(body: unknown, ask: Ask = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return inspectBytes(new TextEncoder().encode(text), ask);
}

function call(name: unknown, more: object = {}) {
  return { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name }, ...more };
}

describe('scopes of tools', () => {
  test('a call of a tool without a rule passes, and so does one with all scopes', () => {
    expect(inspect(call('free')).inspection).toEqual({
      kind: 'pass',
      call: { method: 'tools/call', name: 'free' },
    });
    expect(inspect(call('delete'), { scopes: ['db:admin', 'db:write'] }).inspection.kind).toBe('pass');
  });

  test('one challenge names the base scopes and all that the operation needs, whatever the token has', () => {
    for (const scopes of [['mcp:use'], ['mcp:use', 'db:write', 'db:drop']]) {
      const refused = inspect(call('drop'), { scopes });
      expect(refused.status).toBe(403);
      expect(refused.reason).toBe('scope_insufficient');
      expect(refused.challenge).toContain('error="insufficient_scope"');
      expect(refused.challenge).toContain('scope="mcp:use db:write db:admin db:drop"');
      expect(refused.inspection).toMatchObject({ call: { method: 'tools/call', name: 'drop' } });
    }
  });

  test('a notification counts as a call', () => {
    expect(inspect(call('read', { id: undefined })).status).toBe(403);
  });

  test('every call of a batch counts, in whatever order', () => {
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect(inspect([ping, call('free')]).inspection).toEqual({ kind: 'pass', call: { method: 'ping' } });
    for (const batch of [
      [ping, call('read'), call('delete')],
      [call('delete'), call('free'), call('read')],
    ]) {
      const refused = inspect(batch, { scopes: ['db:read'] });
      expect(refused.challenge).toContain('scope="mcp:use db:write db:admin db:read"');
    }
  });

  test('tools that cannot be called are those that are hidden', () => {
    const visible = (scopes: readonly string[], given = rules) =>
      ['delete', 'drop', 'free', 'read'].filter((tool) => mayUseTool(admit(scopes, given), tool));
    expect(visible(['db:write', 'db:admin'])).toEqual(['delete', 'free']);
    expect(visible(['db:write', 'db:admin', 'db:drop', 'db:read'])).toHaveLength(4);
    expect(visible([], [])).toHaveLength(4);
  });

  test('* is every tool that no rule names', () => {
    const given = [
      { names: ['read'], scopes: ['r'] },
      { names: ['*', 'drop'], scopes: ['w'] },
    ];
    const visible = (scopes: readonly string[]) =>
      ['read', 'drop', 'other', '*'].filter((tool) => mayUseTool(admit(scopes, given), tool));
    expect(visible([])).toEqual([]);
    expect(visible(['r'])).toEqual(['read']);
    expect(visible(['w'])).toEqual(['drop', 'other', '*']);
  });

  test('other messages pass: responses, notifications, other methods that name the tool', () => {
    expect(inspect({ jsonrpc: '2.0', id: 1, result: {} }).inspection).toEqual({ kind: 'pass' });
    expect(inspect({ jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } }).inspection.kind).toBe('pass');
    expect(inspect({ jsonrpc: '2.0', method: 'notifications/initialized' }).inspection.kind).toBe('pass');
    expect(inspect(call('read', { method: 'prompts/get' })).inspection.kind).toBe('pass');
  });

  test('large and deep arguments pass', () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => ({ index, values: [index] }));
    const wide = Object.fromEntries(rows.map((row) => [`m${row.index}`, 1]));
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`);
    const params = { name: 'free', arguments: { rows, wide, deep } };
    expect(inspect({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }).inspection.kind).toBe('pass');
  });
});

describe('a body that two parsers could read differently is refused', () => {
  test.each([
    ['no JSON', '{'],
    ['empty', ''],
    [
      'two members of one name',
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"read"}}',
    ],
    ['two names of a tool', '{"method":"tools/call","params":{"name":"free","na\\u006de":"read"}}'],
    ['a byte order mark', `\u{feff}${JSON.stringify(call('free'))}`],
    ['text after it', `${JSON.stringify(call('free'))}${JSON.stringify(call('read'))}`],
  ])('%s', (_, body) => {
    const refused = inspect(body);
    expect([refused.status, refused.reason]).toEqual([400, 'message_invalid']);
    expect(refused.error).toMatchObject({ id: null, error: { code: -32700 } });
  });

  test('invalid UTF-8', () => {
    const body = Buffer.from('{"method":"tools/call","params":{"name":"\xff"}}', 'latin1');
    expect(inspectBytes(body).error.error.code).toBe(-32700);
  });

  test.each([
    ['a number', 1],
    ['an empty batch', []],
    ['a batch in a batch', [[call('free')]]],
    ['a batch with something else', [call('free'), 1]],
    ['neither method nor result', { jsonrpc: '2.0', id: 1 }],
    ['a method that is no string', { id: 1, method: ['tools/call'], params: { name: 'read' } }],
    ['a second method for a parser without case', call('read', { method: 'ping', Method: 'tools/call' })],
    ['a method that only a parser without case finds', { METHOD: 'tools/call', result: {} }],
    ['second params for a parser that folds letters', call('free', { param\u017f: { name: 'read' } })],
    ['a method that ends sooner for a parser in C', { ...call('read'), method: 'tools/call\0' }],
    ['a second method for a parser in C', { ...call('read'), method: 'ping', 'method\0': 'tools/call' }],
    ['a second tool for a parser in C', call('', { params: { name: 'free', 'name\0': 'read' } })],
    ['a second tool for a parser without case', call('', { params: { name: 'free', Name: 'read' } })],
  ])('%s', (_, body) => {
    const refused = inspect(body);
    expect([refused.status, refused.reason, refused.error.error.code]).toEqual([
      400,
      'message_invalid',
      -32600,
    ]);
  });

  test('a call without the name of a tool is refused, with its id', () => {
    for (const params of [
      undefined,
      null,
      [],
      ['read'],
      {},
      { name: 1 },
      { name: ['read'] },
      { name: 'read\0' },
    ]) {
      const refused = inspect({ jsonrpc: '2.0', id: 'x', method: 'tools/call', params });
      expect([refused.status, refused.reason]).toEqual([400, 'message_invalid']);
      expect(refused.error).toMatchObject({ id: 'x', error: { code: -32602 } });
    }
  });

  test.each([
    ['none', []],
    ['of a form', ['Content-Type', 'text/plain']],
    ['with a charset that spells ASCII otherwise', ['Content-Type', 'application/json; charset=utf-7']],
    ['twice', [...json, ...json]],
    ['compressed', [...json, 'Content-Encoding', 'gzip']],
  ])('a content type: %s', (_, contentType) => {
    const refused = inspect(call('free'), { contentType });
    expect([refused.status, refused.reason]).toEqual([415, 'message_invalid']);
  });

  test('UTF-8 may be named', () => {
    for (const type of ['application/json;charset=UTF-8', 'Application/JSON; charset="utf-8"']) {
      expect(inspect(call('free'), { contentType: ['content-type', type] }).inspection.kind).toBe('pass');
    }
  });

  test('a GET without a body asks for no tool; with one it is judged by it', () => {
    expect(inspect('', { method: 'GET', contentType: [] }).inspection).toEqual({ kind: 'pass' });
    expect(inspect(call('read'), { method: 'GET' }).status).toBe(403);
  });
});

describe('headers that repeat the body', () => {
  const modern = ['MCP-Protocol-Version', '2026-07-28'];
  const method = ['Mcp-Method', 'tools/call'];

  function expectMismatch(refused: ReturnType<typeof inspect>, id: unknown = 7) {
    expect([refused.status, refused.reason]).toEqual([400, 'header_mismatch']);
    expect(refused.error).toMatchObject({ id, error: { code: -32020 } });
  }

  test('a request of 2026-07-28 whose headers say the same passes', () => {
    const bodies: readonly [object, readonly string[]][] = [
      [call('free'), [...method, 'mcp-name', 'free']],
      [call('fräi'), [...method, 'mcp-name', `=?base64?${Buffer.from('fräi').toString('base64')}?=`]],
      [
        call('', { method: 'resources/read', params: { uri: 'u:1' } }),
        ['Mcp-Method', 'resources/read', 'Mcp-Name', 'u:1'],
      ],
      [call('', { method: 'tools/list' }), ['Mcp-Method', 'tools/list']],
      // The tasks extension repeats another parameter.
      [
        call('', { method: 'tasks/get', params: { taskId: 't' } }),
        ['Mcp-Method', 'tasks/get', 'Mcp-Name', 't'],
      ],
      [{ jsonrpc: '2.0', method: 'notifications/cancelled' }, []],
    ];
    for (const [body, headers] of bodies) {
      expect(inspect(body, { headers: [...modern, ...headers] }).inspection.kind).toBe('pass');
    }
  });

  test.each([
    ['no method', ['Mcp-Name', 'free']],
    ['no name', method],
    ['another method', ['Mcp-Method', 'tools/list', 'Mcp-Name', 'free']],
    ['another name', [...method, 'Mcp-Name', 'read']],
    ['another case', [...method, 'Mcp-Name', 'Free']],
    ['two methods', [...method, ...method, 'Mcp-Name', 'free']],
    ['two names', [...method, 'Mcp-Name', 'free', 'Mcp-Name', 'free']],
    ['broken base64', [...method, 'Mcp-Name', '=?base64?ZnJlZ?=']],
    ['base64 of no UTF-8', [...method, 'Mcp-Name', '=?base64?/w==?=']],
    ['two versions', [...method, 'Mcp-Name', 'free', 'MCP-Protocol-Version', '2025-11-25']],
  ])('and one with %s is refused', (_, headers) => {
    expectMismatch(inspect(call('free'), { headers: [...modern, ...headers] }));
  });

  test('in older revisions they may be missing, but not lie', () => {
    const older = ['MCP-Protocol-Version', '2025-11-25'];
    for (const version of [older, []]) {
      expect(inspect(call('free'), { headers: version }).inspection.kind).toBe('pass');
      expect(inspect(call('free'), { headers: [...version, ...method] }).inspection.kind).toBe('pass');
      expectMismatch(inspect(call('read'), { headers: [...version, ...method, 'Mcp-Name', 'free'] }));
      expectMismatch(inspect(call('read'), { headers: [...version, 'Mcp-Method', 'ping'] }));
    }
  });

  test('no header can repeat a batch', () => {
    expectMismatch(inspect([call('free')], { headers: method }), null);
    expectMismatch(inspect([call('free')], { headers: ['Mcp-Name', 'free'] }), null);
  });

  test('true headers do not open what the body asks for', () => {
    expect(inspect(call('read'), { headers: [...modern, ...method, 'Mcp-Name', 'read'] }).status).toBe(403);
  });

  test('only an id that survives is repeated', () => {
    for (const [id, repeated] of [
      ['a', 'a'],
      [0, 0],
      [1.5, null],
      [2 ** 60, null],
      [null, null],
      [{}, null],
    ]) {
      expectMismatch(inspect(call('free', { id }), { headers: ['Mcp-Method', 'x'] }), repeated);
    }
  });
});
