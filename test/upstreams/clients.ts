import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** What the tests need of an MCP client. */
export interface ConnectedClient {
  listTools(): Promise<readonly string[]>;
  /** The text of the first content. Rejects as the client does. */
  callTool(name: string, args?: Record<string, unknown>, onProgress?: () => void): Promise<string>;
  /** Of a legacy server that has sessions. */
  sessionId(): string | undefined;
  /** Ends the session too, where there is one. */
  close(): Promise<void>;
}

export type Connect = (resource: string, token: string) => Promise<ConnectedClient>;

function textOf(result: object): string {
  const { content } = result as { readonly content?: readonly { readonly text: string }[] };
  return content?.[0]?.text ?? '';
}

const information = { name: 'test', version: '1.0.0' };

function withToken(token: string): { readonly requestInit: RequestInit } {
  return { requestInit: { headers: { authorization: `Bearer ${token}` } } };
}

function connectModern(mode: 'legacy' | { readonly pin: '2026-07-28' }): Connect {
  return async (resource, token) => {
    const client = new ModernClient(information, { versionNegotiation: { mode } });
    const transport = new ModernTransport(new URL(resource), withToken(token));
    await client.connect(transport);
    return {
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      async callTool(name, args = {}, onProgress = () => undefined) {
        return textOf(await client.callTool({ name, arguments: args }, { onprogress: onProgress }));
      },
      sessionId: () => transport.sessionId,
      async close() {
        if (transport.sessionId !== undefined) await transport.terminateSession();
        await client.close();
      },
    };
  };
}

/** The official TypeScript client as it was before its second version: revisions up to 2025-11-25. */
const connectFirst: Connect = async (resource, token) => {
  const client = new FirstClient(information);
  const transport = new FirstTransport(new URL(resource), withToken(token));
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async callTool(name, args = {}, onProgress = () => undefined) {
      const call = { name, arguments: args };
      return textOf(await client.callTool(call, undefined, { onprogress: onProgress }));
    },
    sessionId: () => transport.sessionId,
    async close() {
      if (transport.sessionId !== undefined) await transport.terminateSession();
      await client.close();
    },
  };
};

/** Clients that speak revisions with sessions and `initialize`. */
export const legacyClients: readonly (readonly [name: string, connect: Connect])[] = [
  ['SDK v2, 2025-11-25', connectModern('legacy')],
  ['SDK v1, 2025-11-25', connectFirst],
];

export const allClients: typeof legacyClients = [
  ['SDK v2, 2026-07-28', connectModern({ pin: '2026-07-28' })],
  ...legacyClients,
];
