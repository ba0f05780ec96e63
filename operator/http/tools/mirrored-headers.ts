import type { JsonObject } from '../../json/json-object.ts';
import { headerValues, type RequestHead } from '../request-head.ts';
import { messageParams } from './messages.ts';

/** The first revision in which headers repeat parts of the body (streamable HTTP, "Request Metadata"). */
const mirroringRevision = '2026-07-28';

/** Which parameter `Mcp-Name` repeats. Extensions have methods of their own in which it repeats something else. */
const namedBy: ReadonlyMap<unknown, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

/** What the head of a request says about its body. */
interface Mirror {
  readonly head: RequestHead;
  /** Undefined for a batch, which no header can repeat. */
  readonly message: JsonObject | undefined;
}

/**
 * Whether `Mcp-Method` and `Mcp-Name` say what the body says. A request of 2026-07-28 must have them; in others they may
 * be missing, but never differ: somebody on the way may have believed them.
 */
export function headersMirrorBody({ head, message }: Mirror): boolean {
  const versions = headerValues(head, 'mcp-protocol-version');
  if (versions.length > 1) return false;
  const mustMirror = versions[0] === mirroringRevision && message?.id !== undefined;
  const method = message?.method;
  const parameter = namedBy.get(method);
  return (
    agrees(headerValues(head, 'mcp-method'), method, mustMirror) &&
    ((message !== undefined && parameter === undefined) ||
      agrees(headerValues(head, 'mcp-name').map(decodeName), nameIn(message, parameter), mustMirror))
  );
}

function nameIn(message: JsonObject | undefined, parameter: string | undefined): unknown {
  return message === undefined || parameter === undefined ? undefined : messageParams(message)[parameter];
}

function agrees(sent: readonly (string | undefined)[], inBody: unknown, mustMirror: boolean): boolean {
  if (sent.length === 0) return !mustMirror || inBody === undefined;
  return sent.length === 1 && sent[0] !== undefined && sent[0] === inBody;
}

const encoded = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A value that cannot stand in a header is sent as `=?base64?…?=` of its UTF-8. Undefined when it cannot be decoded. */
function decodeName(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const base64 = encoded.exec(value)?.[1];
  if (base64 === undefined) return undefined;
  try {
    return utf8.decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}
