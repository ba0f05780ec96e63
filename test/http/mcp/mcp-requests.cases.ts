/** Requests that MCP clients send, good ones and bad ones, of both eras. */
export interface McpRequestCase {
  readonly name: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
  /** What we answer where the SDK answers otherwise, and why that is right. */
  readonly instead?: { readonly status: number; readonly code?: number; readonly because: string };
}

const json = { 'content-type': 'application/json' };
const both = { ...json, accept: 'application/json, text/event-stream' };
const revision = '2026-07-28';
const whoami = { name: 'whoami', arguments: {} };
const meta = {
  'io.modelcontextprotocol/protocolVersion': revision,
  'io.modelcontextprotocol/clientInfo': { name: 'a client', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const hello = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'a client', version: '1.0.0' },
};

/** A request of a client without sessions, as all before 2026-07-28 can be. */
function older(
  name: string,
  method: string,
  params?: unknown,
  headers: Record<string, string> = both,
): McpRequestCase {
  return { name, headers, body: { jsonrpc: '2.0', id: 1, method, params } };
}

/** A request of 2026-07-28. `changed` headers replace those that belong to it; `''` takes one away. */
function modern(
  name: string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  changed: Readonly<Record<string, string>> = {},
): McpRequestCase {
  const named = typeof params.name === 'string' ? { 'mcp-name': params.name } : {};
  const all = { ...both, 'mcp-protocol-version': revision, 'mcp-method': method, ...named, ...changed };
  const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
  return { name, headers, body: { jsonrpc: '2.0', id: 'one', method, params: { _meta: meta, ...params } } };
}

function posted(name: string, body: unknown, headers: Record<string, string> = both): McpRequestCase {
  return { name, headers, body };
}

const request = (id: unknown, method: string, params?: unknown): object => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
const notification = (method: string, params?: unknown): object => ({ jsonrpc: '2.0', method, params });
const without = (key: keyof typeof meta): object =>
  Object.fromEntries(Object.entries(meta).filter(([name]) => name !== key));

const deep = (levels: number): unknown => (levels === 0 ? [] : [deep(levels - 1)]);

export const olderRequests: readonly McpRequestCase[] = [
  older('initialize', 'initialize', hello),
  older('initialize of 2024-10-07', 'initialize', { ...hello, protocolVersion: '2024-10-07' }),
  older('initialize of 2024-11-05', 'initialize', { ...hello, protocolVersion: '2024-11-05' }),
  older('initialize of 2025-03-26', 'initialize', { ...hello, protocolVersion: '2025-03-26' }),
  older('initialize of 2025-06-18', 'initialize', { ...hello, protocolVersion: '2025-06-18' }),
  older('initialize of a revision that nobody knows', 'initialize', { ...hello, protocolVersion: '1.0' }),
  older('initialize of 2026-07-28', 'initialize', { ...hello, protocolVersion: revision }),
  {
    ...older('initialize without params', 'initialize'),
    instead: { status: 200, code: -32602, because: 'JSON-RPC has a code for invalid params' },
  },
  {
    ...older('initialize without client', 'initialize', { protocolVersion: '2025-11-25', capabilities: {} }),
    instead: { status: 200, code: -32602, because: 'JSON-RPC has a code for invalid params' },
  },
  {
    ...older('initialize with a number as revision', 'initialize', { ...hello, protocolVersion: 1 }),
    instead: { status: 200, code: -32602, because: 'JSON-RPC has a code for invalid params' },
  },
  {
    ...older('initialize, header of 2026-07-28', 'initialize', hello, {
      ...both,
      'mcp-protocol-version': revision,
    }),
    instead: {
      status: 400,
      code: -32602,
      because: 'a request of the revision in its head lacks its _meta, whatever its method',
    },
  },
  older('initialize, header of no revision', 'initialize', hello, { ...both, 'mcp-protocol-version': '1.0' }),
  older('ping', 'ping'),
  older('ping, header of 2025-06-18', 'ping', undefined, { ...both, 'mcp-protocol-version': '2025-06-18' }),
  older('ping, header of no revision', 'ping', undefined, { ...both, 'mcp-protocol-version': '1.0' }),
  older('ping, header of a later revision', 'ping', undefined, {
    ...both,
    'mcp-protocol-version': '2027-01-01',
  }),
  older('ping of a session that nobody began', 'ping', undefined, { ...both, 'mcp-session-id': 'x' }),
  older('tools/list', 'tools/list'),
  older('tools/list with a cursor', 'tools/list', { cursor: 'x' }),
  {
    ...older('tools/list with a number as cursor', 'tools/list', { cursor: 1 }),
    instead: { status: 200, code: -32602, because: 'JSON-RPC has a code for invalid params' },
  },
  older('whoami', 'tools/call', whoami),
  older('whoami without arguments', 'tools/call', { name: 'whoami' }),
  older('whoami with arguments that it does not take', 'tools/call', {
    name: 'whoami',
    arguments: { a: [1] },
  }),
  older('whoami with an array of arguments', 'tools/call', { name: 'whoami', arguments: [] }),
  older('whoami with a progress token', 'tools/call', { ...whoami, _meta: { progressToken: 7 } }),
  {
    ...older('whoami with a bad progress token', 'tools/call', { ...whoami, _meta: { progressToken: {} } }),
    instead: { status: 200, because: 'no progress is told of, so the token is not looked at' },
  },
  older('whoami as a task', 'tools/call', { ...whoami, task: { ttl: 1 } }),
  older('another tool', 'tools/call', { name: 'constructor', arguments: {} }),
  older('no tool', 'tools/call', {}),
  older('tools/call without params', 'tools/call'),
  older('a number as tool', 'tools/call', { name: 1 }),
  older('params as an array', 'tools/call', ['whoami']),
  older('logging/setLevel', 'logging/setLevel', { level: 'info' }),
  older('resources/list', 'resources/list'),
  older('prompts/list', 'prompts/list'),
  older('completion/complete', 'completion/complete', {}),
  older('server/discover without its revision', 'server/discover'),
  older('subscriptions/listen without its revision', 'subscriptions/listen', { notifications: {} }),
  older('a method that nobody knows', 'x/y'),
  older('a method of Object', 'toString'),
  older('takes JSON only', 'ping', undefined, { ...json, accept: 'application/json' }),
  older('takes anything', 'ping', undefined, { ...json, accept: '*/*' }),
  older('says nothing about what it takes', 'ping', undefined, json),
  older('JSON with a charset', 'ping', undefined, {
    ...both,
    'content-type': 'Application/JSON; charset=utf-8',
  }),
  older('text as JSON', 'ping', undefined, { ...both, 'content-type': 'text/plain; a=application/json' }),
  older('no content type', 'ping', undefined, { accept: both.accept }),
  older('JSON and something else', 'ping', undefined, {
    ...both,
    'content-type': 'application/json, text/plain',
  }),
  older('JSON with an empty parameter', 'ping', undefined, { ...both, 'content-type': 'application/json;' }),
  posted('initialized', notification('notifications/initialized')),
  posted('cancelled', notification('notifications/cancelled', { requestId: 1 })),
  posted('a notification that nobody knows', notification('x/y')),
  posted('a notification, header of no revision', notification('x/y'), {
    ...both,
    'mcp-protocol-version': '1.0',
  }),
  posted('an answer', { jsonrpc: '2.0', id: 1, result: {} }),
  posted('an answer with an error', { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } }),
  posted('an answer with an error that is none', { jsonrpc: '2.0', id: 1, error: 'x' }),
  posted('an id of null', request(null, 'ping')),
  {
    ...posted('an id with a fraction', request(1.5, 'ping')),
    instead: { status: 400, code: -32600, because: 'an id that is none is not repeated' },
  },
  posted('an id of text', request('', 'ping')),
  posted('an id of zero', request(0, 'ping')),
  posted('an id of an object', request({}, 'ping')),
  {
    ...posted('a member too many', { ...request(1, 'ping'), extra: 1 }),
    instead: { status: 200, because: 'JSON-RPC does not forbid further members' },
  },
  posted('JSON-RPC 1.0', { ...request(1, 'ping'), jsonrpc: '1.0' }),
  posted('no jsonrpc', { id: 1, method: 'ping' }),
  posted('params of null', request(1, 'ping', null)),
  posted('params of text', request(1, 'ping', 'x')),
  posted('_meta of text', request(1, 'ping', { _meta: 'x' })),
  posted('members in other letters', { jsonrpc: '2.0', id: 1, Method: 'ping' }),
  posted('a method of a number', request(1, 5 as unknown as string)),
  posted('no body', ''),
  posted('a body that ends early', '{"jsonrpc":'),
  posted('null', 'null'),
  posted('a number', '1'),
  posted('a text', '"ping"'),
  {
    ...posted(
      'a member that is there twice',
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}',
    ),
    instead: { status: 400, code: -32700, because: 'two readers could read it differently' },
  },
  {
    ...posted('a byte order mark', '\uFEFF{"jsonrpc":"2.0","id":1,"method":"ping"}'),
    instead: { status: 400, code: -32700, because: 'two readers could read it differently' },
  },
  {
    ...posted('half a character, escaped', '{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}'),
    instead: { status: 400, code: -32700, because: 'two readers could read it differently' },
  },
  {
    ...posted(
      'bytes that are not UTF-8',
      Buffer.from('{"jsonrpc":"2.0","id":"\xff","method":"ping"}', 'latin1'),
    ),
    instead: { status: 400, code: -32700, because: 'two readers could read it differently' },
  },
  {
    ...posted('a body that is very deep', { ...request(1, 'ping'), params: { a: deep(100) } }),
    instead: { status: 400, code: -32700, because: 'nothing that is served needs it' },
  },
  posted('a batch', [request(1, 'ping'), request('2', 'tools/list')]),
  posted('a batch of one', [request(1, 'ping')]),
  posted('a batch with a notification', [
    notification('notifications/initialized'),
    request(1, 'tools/call', whoami),
  ]),
  posted('a batch of notifications', [notification('notifications/initialized'), notification('x/y')]),
  posted('a batch with an answer', [{ jsonrpc: '2.0', id: 1, result: {} }, request(1, 'x/y')]),
  posted('a batch with an error', [request(1, 'x/y'), request(2, 'ping')]),
  posted('a batch that begins a session', [request(1, 'initialize', hello), request(2, 'ping')]),
  posted('a batch of one initialize', [request(1, 'initialize', hello)]),
  posted('an empty batch', []),
  posted('a batch with nonsense', [request(1, 'ping'), 1]),
  posted('a batch with a request of 2026-07-28', [
    request(1, 'ping'),
    request(2, 'tools/list', { _meta: meta }),
  ]),
  posted(
    'a batch of 100',
    Array.from({ length: 100 }, (_, id) => request(id, 'ping')),
  ),
  posted(
    'a batch of 101',
    Array.from({ length: 101 }, (_, id) => request(id, 'ping')),
  ),
  posted('a batch, header of 2026-07-28', [request(1, 'ping')], {
    ...both,
    'mcp-protocol-version': revision,
  }),
  posted('a batch with a batch', [[request(1, 'ping')]]),
  { name: 'GET', method: 'GET', headers: { accept: 'text/event-stream' } },
  {
    name: 'GET of 2026-07-28',
    method: 'GET',
    headers: { accept: 'text/event-stream', 'mcp-protocol-version': revision },
  },
  { name: 'DELETE', method: 'DELETE', headers: { 'mcp-session-id': 'x' } },
];

export const modernRequests: readonly McpRequestCase[] = [
  modern('server/discover', 'server/discover'),
  modern('tools/list', 'tools/list'),
  modern('tools/list with a cursor', 'tools/list', { cursor: 'x' }),
  {
    ...modern('tools/list with a number as cursor', 'tools/list', { cursor: 1 }),
    instead: { status: 200, code: -32602, because: 'JSON-RPC has a code for invalid params' },
  },
  modern('whoami', 'tools/call', whoami),
  modern('whoami without arguments', 'tools/call', { name: 'whoami' }),
  modern('whoami with arguments that it does not take', 'tools/call', {
    name: 'whoami',
    arguments: { a: [1] },
  }),
  modern('whoami with an array of arguments', 'tools/call', { name: 'whoami', arguments: [] }),
  modern('whoami with answers that it did not ask for', 'tools/call', {
    ...whoami,
    inputResponses: {},
    requestState: 'x',
  }),
  {
    ...modern('whoami with a state of a number', 'tools/call', { ...whoami, requestState: 1 }),
    instead: { status: 200, because: 'no input is asked for, so there is no state to judge' },
  },
  modern('whoami by a coded name', 'tools/call', whoami, { 'mcp-name': '=?base64?d2hvYW1p?=' }),
  modern('whoami by a badly coded name', 'tools/call', whoami, { 'mcp-name': '=?base64?d2hv*?=' }),
  modern('whoami by a coded name that is no text', 'tools/call', whoami, { 'mcp-name': '=?base64?/w==?=' }),
  modern('whoami by another coded name', 'tools/call', whoami, { 'mcp-name': '=?base64?eA==?=' }),
  modern('whoami by another name', 'tools/call', whoami, { 'mcp-name': 'other' }),
  modern('whoami by a name in other letters', 'tools/call', whoami, { 'mcp-name': 'WhoAmI' }),
  modern('whoami without a name in the head', 'tools/call', whoami, { 'mcp-name': '' }),
  modern('another tool', 'tools/call', { name: 'constructor', arguments: {} }),
  modern('no tool', 'tools/call', {}),
  modern('no tool, with a name in the head', 'tools/call', {}, { 'mcp-name': 'x' }),
  modern('a number as tool', 'tools/call', { name: 1 }),
  modern('no method in the head', 'tools/list', {}, { 'mcp-method': '' }),
  modern('another method in the head', 'tools/list', {}, { 'mcp-method': 'tools/call' }),
  modern('a method in other letters in the head', 'tools/list', {}, { 'mcp-method': 'Tools/List' }),
  modern('the method twice in the head', 'tools/list', {}, { 'mcp-method': 'tools/list, tools/list' }),
  modern('a name that looks coded', 'tools/call', { name: '=?base64?eA==?=' }),
  modern(
    'a name that looks coded, coded',
    'tools/call',
    { name: '=?base64?eA==?=' },
    { 'mcp-name': '=?base64?PT9iYXNlNjQ/ZUE9PT89?=' },
  ),
  modern('a name beyond ASCII, coded', 'tools/call', { name: 'wär' }, { 'mcp-name': '=?base64?d8Okcg==?=' }),
  modern('no revision in the head', 'tools/list', {}, { 'mcp-protocol-version': '' }),
  modern('an older revision in the head', 'tools/list', {}, { 'mcp-protocol-version': '2025-11-25' }),
  modern(
    'no revision and no method in the head',
    'tools/list',
    {},
    { 'mcp-protocol-version': '', 'mcp-method': '' },
  ),
  modern(
    'a revision that nobody knows',
    'tools/list',
    { _meta: { ...meta, 'io.modelcontextprotocol/protocolVersion': '2030-01-01' } },
    { 'mcp-protocol-version': '2030-01-01' },
  ),
  modern(
    'a revision that nobody knows, no method in the head',
    'tools/list',
    { _meta: { ...meta, 'io.modelcontextprotocol/protocolVersion': '2030-01-01' } },
    { 'mcp-protocol-version': '2030-01-01', 'mcp-method': '' },
  ),
  modern(
    'an older revision in head and body',
    'tools/list',
    { _meta: { ...meta, 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } },
    { 'mcp-protocol-version': '2025-11-25' },
  ),
  modern('a number as revision', 'tools/list', {
    _meta: { ...meta, 'io.modelcontextprotocol/protocolVersion': 1 },
  }),
  modern('a revision in the head only', 'tools/list', {
    _meta: without('io.modelcontextprotocol/protocolVersion'),
  }),
  modern('no _meta', 'tools/list', { _meta: undefined }),
  modern('an empty _meta', 'tools/list', { _meta: {} }),
  modern('no capabilities', 'tools/list', { _meta: without('io.modelcontextprotocol/clientCapabilities') }),
  modern('capabilities of text', 'tools/list', {
    _meta: { ...meta, 'io.modelcontextprotocol/clientCapabilities': 'x' },
  }),
  modern('capabilities of an array', 'tools/list', {
    _meta: { ...meta, 'io.modelcontextprotocol/clientCapabilities': [] },
  }),
  {
    ...modern('a capability of text', 'tools/list', {
      _meta: { ...meta, 'io.modelcontextprotocol/clientCapabilities': { sampling: 'x' } },
    }),
    instead: { status: 200, because: 'nothing is asked of a client, so what it can is not looked at' },
  },
  modern('no client', 'tools/list', { _meta: without('io.modelcontextprotocol/clientInfo') }),
  modern('a client of text', 'tools/list', { _meta: { ...meta, 'io.modelcontextprotocol/clientInfo': 'x' } }),
  modern('a client without version', 'tools/list', {
    _meta: { ...meta, 'io.modelcontextprotocol/clientInfo': { name: 'x' } },
  }),
  modern('a client without name and version', 'tools/list', {
    _meta: { ...meta, 'io.modelcontextprotocol/clientInfo': {} },
  }),
  modern('a log level', 'tools/list', { _meta: { ...meta, 'io.modelcontextprotocol/logLevel': 'debug' } }),
  {
    ...modern('a log level that is none', 'tools/list', {
      _meta: { ...meta, 'io.modelcontextprotocol/logLevel': 'loud' },
    }),
    instead: { status: 200, because: 'no log is sent, so its level is not looked at' },
  },
  modern('a progress token', 'tools/list', { _meta: { ...meta, progressToken: 1 } }),
  {
    ...modern('a progress token with a fraction', 'tools/list', { _meta: { ...meta, progressToken: 1.5 } }),
    instead: { status: 200, because: 'no progress is told of, so the token is not looked at' },
  },
  {
    ...modern('a progress token of an object', 'tools/list', { _meta: { ...meta, progressToken: {} } }),
    instead: { status: 200, because: 'no progress is told of, so the token is not looked at' },
  },
  modern('initialize', 'initialize', hello),
  modern('ping', 'ping'),
  modern('logging/setLevel', 'logging/setLevel', { level: 'info' }),
  modern('resources/list', 'resources/list'),
  modern('resources/read', 'resources/read', { uri: 'x' }, { 'mcp-name': 'x' }),
  modern('resources/read without a name in the head', 'resources/read', { uri: 'x' }),
  modern('prompts/get', 'prompts/get', { name: 'x' }),
  modern('tasks/get', 'tasks/get', { taskId: 'x' }, { 'mcp-name': 'x' }),
  {
    ...modern('tasks/get without a name in the head', 'tasks/get', { taskId: 'x' }),
    instead: { status: 404, code: -32601, because: 'tasks are an extension, which is not served' },
  },
  modern('a method that nobody knows', 'x/y'),
  modern('a method of Object', 'toString'),
  modern('subscriptions/listen for nothing', 'subscriptions/listen', { notifications: {} }),
  modern('subscriptions/listen for resources', 'subscriptions/listen', {
    notifications: { resourcesListChanged: true, resourceSubscriptions: ['x'] },
  }),
  modern('subscriptions/listen without saying for what', 'subscriptions/listen'),
  {
    ...modern('subscriptions/listen for nonsense', 'subscriptions/listen', {
      notifications: { toolsListChanged: 'x' },
    }),
    instead: { status: 200, because: 'nothing is subscribed to, whatever is asked for' },
  },
  modern('takes JSON only', 'tools/list', {}, { accept: 'application/json' }),
  modern('says nothing about what it takes', 'tools/list', {}, { accept: '' }),
  modern('text as JSON', 'tools/list', {}, { 'content-type': 'text/plain' }),
  modern('of a session that nobody began', 'tools/list', {}, { 'mcp-session-id': 'x', 'last-event-id': '1' }),
  posted('a notification', notification('notifications/cancelled', { requestId: 1 }), {
    ...both,
    'mcp-protocol-version': revision,
    'mcp-method': 'notifications/cancelled',
  }),
  posted('a notification, no method in the head', notification('x/y'), {
    ...both,
    'mcp-protocol-version': revision,
  }),
  posted('a notification, another method in the head', notification('x/y'), {
    ...both,
    'mcp-protocol-version': revision,
    'mcp-method': 'x',
  }),
  posted('a notification, a later revision', notification('x/y'), {
    ...both,
    'mcp-protocol-version': '2030-01-01',
  }),
  posted('a notification with _meta', notification('x/y', { _meta: meta })),
  posted('a notification with _meta, another revision in the head', notification('x/y', { _meta: meta }), {
    ...both,
    'mcp-protocol-version': '2025-11-25',
  }),
  posted(
    'a notification with a number as revision',
    notification('x/y', { _meta: { 'io.modelcontextprotocol/protocolVersion': 1 } }),
  ),
  posted('a notification with _meta, another method in the head', notification('x/y', { _meta: meta }), {
    ...both,
    'mcp-method': 'x',
  }),
  posted(
    'a notification with an older revision in _meta',
    notification('x/y', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } }),
  ),
  posted('an id of null', request(null, 'tools/list', { _meta: meta }), {
    ...both,
    'mcp-protocol-version': revision,
    'mcp-method': 'tools/list',
  }),
  {
    ...posted(
      'a member too many',
      { ...request(1, 'tools/list', { _meta: meta }), extra: 1 },
      { ...both, 'mcp-protocol-version': revision, 'mcp-method': 'tools/list' },
    ),
    instead: { status: 200, because: 'JSON-RPC does not forbid further members' },
  },
  posted('an answer', { jsonrpc: '2.0', id: 1, result: {} }, { ...both, 'mcp-protocol-version': revision }),
];
