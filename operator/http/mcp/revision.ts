import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../../json/json-object.ts';

/** The revision whose requests say everything themselves; those before it begin with `initialize`. */
export const statelessRevision = '2026-07-28';

/** What the head of a request says about the message in its body. */
export interface McpHead {
  /** `MCP-Protocol-Version` */
  readonly revision: string | undefined;
  /** `Mcp-Method` */
  readonly method: string | undefined;
  /** `Mcp-Name`, as it was sent. */
  readonly name: string | undefined;
}

/** How the server introduces itself. */
export interface ServerIdentity {
  readonly info: { readonly name: string; readonly version: string };
  readonly capabilities: JsonObject;
}

export function readMcpHead(headers: IncomingHttpHeaders): McpHead {
  return {
    revision: headerValue(headers, 'mcp-protocol-version'),
    method: headerValue(headers, 'mcp-method'),
    name: headerValue(headers, 'mcp-name'),
  };
}

/** Of these headers Node joins two of one name, and what comes out agrees with no body. */
function headerValue(headers: IncomingHttpHeaders, name: string): string | undefined {
  return headers[name] as string | undefined;
}
