import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Admission, Backend } from '../../../operator/http/backend.ts';
import { createBuiltInServer } from '../../../operator/http/mcp/built-in-server.ts';
import type { CompiledPolicy, ToolRule } from '../../../operator/policy/snapshot.ts';
import { createSdkServer } from '../../fixtures/sdk-server.ts';
import { type McpRequestCase, modernRequests, olderRequests } from './mcp-requests.cases.ts';

const admission: Admission = {
  policy: {
    ...{ namespace: 'team-a', name: 'x', generation: 3, resource: 'https://mcp/x' },
    tools: [] as readonly ToolRule[],
  } as CompiledPolicy,
  principal: {
    issuer: 'https://issuer',
    subject: 'alice "ä"',
    audiences: ['a'],
    scopes: ['s'],
    expiresAt: 4_000_000_000,
  },
};

interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

let ours: Endpoint;
let hiding: Endpoint;
let sdk: Endpoint;

beforeAll(async () => {
  const backend = createBuiltInServer('1.2.3');
  ours = await serve(handTo(backend, admission));
  const tools = [{ names: ['whoami'], scopes: ['more'] }];
  hiding = await serve(handTo(backend, { ...admission, policy: { ...admission.policy, tools } }));
  sdk = await serve(createSdkServer('1.2.3', admission));
});

afterAll(async () => {
  await Promise.all([ours, hiding, sdk].map((endpoint) => endpoint.close()));
});

/** What the endpoint does behind the gate: it hands whole bodies on. */
function handTo(backend: Backend, admission: Admission): RequestListener {
  return (incoming, response) => {
    void buffer(incoming).then((body) => backend.handle({ incoming, admission, body }, response));
  };
}

async function serve(listener: RequestListener): Promise<Endpoint> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

interface Answered {
  readonly status: number;
  readonly allow: string | null;
  /** The messages that came, from an event stream or from JSON. */
  readonly messages: readonly object[];
}

async function ask(
  { url }: Endpoint,
  { method = 'POST', headers = {}, body }: McpRequestCase,
): Promise<Answered> {
  const bytes = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(url, {
    method,
    headers,
    // As bytes: a text would bring a content type along.
    ...(body === undefined
      ? {}
      : { body: body instanceof Uint8Array ? body : new TextEncoder().encode(bytes) }),
  });
  const text = await answer.text();
  const isStream = answer.headers.get('content-type') === 'text/event-stream';
  return {
    status: answer.status,
    allow: answer.headers.get('allow'),
    messages: isStream ? readEvents(text) : text === '' ? [] : [JSON.parse(text)].flat(),
  };
}

function readEvents(text: string): readonly object[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as object);
}

/** Leaves out how an error is worded, and what the SDK adds to it that no specification knows. */
function withoutWords({ messages, ...rest }: Answered): unknown {
  return {
    ...rest,
    messages: messages.map((message) => {
      const { error } = message as {
        error?: { code: number; data?: { supported?: unknown; requested?: unknown } };
      };
      if (error === undefined) return message;
      const { supported, requested } = error.data ?? {};
      return { ...message, error: { code: error.code, supported, requested } };
    }),
  };
}

/** The one thing that all answers of ours say otherwise: they promise to tell of no changed list, as none is told. */
function withoutListChanged(answered: unknown): unknown {
  return JSON.parse(JSON.stringify(answered).replaceAll('"tools":{"listChanged":true}', '"tools":{}'));
}

/** The status and the code of the one error, if there is one. */
function gist({ status, messages }: Answered): object {
  const codes = messages.map((message) => (message as { error?: { code: number } }).error?.code);
  return { status, code: codes.find((code) => code !== undefined) };
}

describe.each([
  ['older revisions', olderRequests],
  ['2026-07-28', modernRequests],
])('%s: as the SDK answers', (_, requests) => {
  test.each(requests.map((request) => [request.name, request] as const))('%s', async (_name, request) => {
    const [mine, theirs] = await Promise.all([ask(ours, request), ask(sdk, request)]);
    const expected = withoutListChanged(withoutWords(theirs));
    if (request.instead === undefined) {
      expect(withoutWords(mine)).toEqual(expected);
    } else {
      const { status, code } = request.instead;
      expect(gist(mine)).toEqual({ status, code });
      expect(withoutWords(mine)).not.toEqual(expected);
    }
  });
});

describe.each([
  ['legacy, as by default', undefined],
  ['by 2026-07-28', { mode: { pin: '2026-07-28' } }],
  ['by whatever it can agree on', { mode: 'auto' }],
] as const)('the TypeScript client, %s', (_, versionNegotiation) => {
  async function connect({ url }: Endpoint): Promise<Client> {
    const options = versionNegotiation === undefined ? {} : { versionNegotiation };
    const client = new Client({ name: 'test', version: '1.0.0' }, options);
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    return client;
  }

  test('finds the server, its tool, and who it is', async () => {
    const client = await connect(ours);
    expect(client.getServerVersion()).toEqual({ name: 'mcp-auth-operator', version: '1.2.3' });
    expect(client.getServerCapabilities()).toEqual({ tools: {} });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['whoami']);
    const { content } = await client.callTool({ name: 'whoami', arguments: {} });
    const [first] = content as readonly { readonly text: string }[];
    expect(JSON.parse(first?.text ?? '')).toEqual({
      principal: admission.principal,
      policy: { namespace: 'team-a', name: 'x', generation: 3, resource: 'https://mcp/x' },
    });
    await client.close();
  });

  test('does not find a tool that is kept from it', async () => {
    const client = await connect(hiding);
    expect((await client.listTools()).tools).toEqual([]);
    await expect(client.callTool({ name: 'whoami', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });
});

function named(requests: readonly McpRequestCase[], wanted: string): McpRequestCase {
  const found = requests.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`there is no request ${wanted}`);
  return found;
}

test('who subscribes to changes of the tools is told that none will be told, and the stream ends', async () => {
  const listen = named(modernRequests, 'subscriptions/listen for nothing');
  const { params, ...rest } = listen.body as { params: object };
  const body = { ...rest, params: { ...params, notifications: { toolsListChanged: true } } };
  const { status, messages } = await ask(ours, { ...listen, body });
  expect(status).toBe(200);
  expect(messages).toMatchObject([
    { method: 'notifications/subscriptions/acknowledged', params: { notifications: {} } },
    { id: 'one', result: { resultType: 'complete' } },
  ]);
});

test.each([
  ['a request with JSON, though a stream would do', 'ping', { jsonrpc: '2.0', id: 1, result: {} }],
  ['a batch of one with an array', 'a batch of one', [{ jsonrpc: '2.0', id: 1, result: {} }]],
])('an older client is answered %s', async (_, name, expected) => {
  const { headers = {}, body } = named(olderRequests, name);
  const answer = await fetch(ours.url, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(await answer.json()).toEqual(expected);
});
