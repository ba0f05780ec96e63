import { headerValues, type RequestHead } from '../request-head.ts';

/** What a request asks the MCP server for, in a form that may be written down. */
export interface CallName {
  /** The JSON-RPC method. */
  readonly rpcMethod: string;
  /** Of a `tools/call` only: what other methods name may be a URI, with secrets in its query. */
  readonly tool?: string;
  /** `headers`: it is what the client says of a body that no tool rule was asked about. */
  readonly toldBy: 'body' | 'headers';
}

const maxLength = 128;

/** Of a body that has been read: its `method`, and its `params.name`. */
export function callOfBody({ method, name }: { readonly method: string; readonly name?: string }): CallName {
  return nameCall('body', method, name);
}

/** Of the headers `Mcp-Method` and `Mcp-Name` (MCP 2026-07-28); undefined when the first is missing or there are several. */
export function callOfHeaders(head: RequestHead): CallName | undefined {
  const [method, ...others] = headerValues(head, 'mcp-method');
  if (method === undefined || others.length > 0) return undefined;
  const names = headerValues(head, 'mcp-name');
  return nameCall('headers', method, names.length === 1 ? names[0] : undefined);
}

function nameCall(toldBy: CallName['toldBy'], method: string, name: string | undefined): CallName {
  const rpcMethod = sanitise(method);
  return method === 'tools/call' && name !== undefined
    ? { rpcMethod, tool: sanitise(name), toldBy }
    : { rpcMethod, toldBy };
}

/** At most 128 characters, of printable ASCII. */
function sanitise(text: string): string {
  return text.slice(0, maxLength).replace(/[^ -~]/g, '?');
}
