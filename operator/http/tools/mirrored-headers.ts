import type { JsonObject } from '../../json/json-object.ts';
import { decodeName, nameParameter } from '../mirrored-name.ts';
import { headerValues, type RequestHead } from '../request-head.ts';
import { messageParams } from './messages.ts';

/** The first revision in which headers repeat parts of the body (streamable HTTP, "Request Metadata"). */
const mirroringRevision = '2026-07-28';

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
  const parameter = nameParameter(method);
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
