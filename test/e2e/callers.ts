import {
  Client,
  ClientCredentialsProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { OpenIdProvider } from '../fixtures/openid-provider.ts';
import type { Fetch } from '../fixtures/trusting-fetch.ts';

/** What the tool `whoami` says. */
export interface WhoAmI {
  readonly principal: {
    readonly issuer: string;
    readonly subject: string;
    readonly audiences: readonly string[];
  };
  readonly policy: { readonly namespace: string; readonly name: string };
}

type AuthProvider = NonNullable<
  ConstructorParameters<typeof StreamableHTTPClientTransport>[1]
>['authProvider'];

/** Calls `whoami` with the official MCP client. */
export async function callWhoAmI(
  resource: string,
  authProvider: NonNullable<AuthProvider>,
  { fetch, era = 'modern' }: { readonly fetch?: Fetch; readonly era?: 'modern' | 'legacy' } = {},
): Promise<WhoAmI> {
  const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL(resource), {
    authProvider,
    ...(fetch === undefined ? {} : { fetch }),
  });
  await client.connect(transport);
  try {
    const { tools } = await client.listTools();
    if (tools.map(({ name }) => name).join() !== 'whoami')
      throw new Error('there should be one tool, whoami');
    const { content } = await client.callTool({ name: 'whoami', arguments: {} });
    const [first] = content as readonly { readonly text: string }[];
    return JSON.parse(first?.text ?? '') as WhoAmI;
  } finally {
    await client.close();
  }
}

export function clientCredentials(provider: OpenIdProvider): ClientCredentialsProvider {
  const [client] = provider.clients;
  if (client === undefined) throw new Error('the provider has no client');
  return new ClientCredentialsProvider({
    clientId: client.id,
    clientSecret: client.secret,
    expectedIssuer: provider.issuer,
  });
}

/** One bare request, as an attacker or a curl user would send it. */
export async function post(resource: string, token?: string): Promise<Response> {
  return await fetch(resource, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'whoami', arguments: {} },
    }),
  });
}
