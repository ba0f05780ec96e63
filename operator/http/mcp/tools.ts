import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import type { Admission } from '../backend.ts';
import { errorCodes } from '../json-rpc.ts';
import type { Outcome } from './message.ts';

/** The one who asks, and what may not be shown to them. */
export interface Caller {
  readonly admission: Admission;
  /** Whether a rule of the policy keeps a tool from this caller. */
  readonly isHidden: (admission: Admission, tool: string) => boolean;
}

/** Takes no token, nor anything else: a tool that took one would put it in front of a model. */
const whoami = {
  name: 'whoami',
  title: 'Who am I',
  description: 'Shows the verified caller of this request and the policy that admitted it.',
  inputSchema: { type: 'object', properties: {} },
  annotations: { readOnlyHint: true, openWorldHint: false },
};

/** `tools/list`. One page, so a cursor says nothing. */
export function listTools(params: JsonObject, { admission, isHidden }: Caller): Outcome {
  if (params.cursor !== undefined && typeof params.cursor !== 'string') {
    return invalidParams('cursor is not a string');
  }
  return { result: { tools: isHidden(admission, whoami.name) ? [] : [whoami] } };
}

/** `tools/call`. */
export function callTool({ name, arguments: given = {} }: JsonObject, caller: Caller): Outcome {
  if (typeof name !== 'string') return invalidParams('name is not a string');
  if (!isJsonObject(given)) return invalidParams('arguments is not an object');
  const { admission, isHidden } = caller;
  if (name !== whoami.name || isHidden(admission, name)) {
    return { error: { code: errorCodes.invalidParams, message: `Tool ${name} not found` } };
  }
  return { result: { content: [{ type: 'text', text: JSON.stringify(describe(admission)) }] } };
}

function describe({ policy, principal }: Admission): object {
  const { namespace, name, generation, resource } = policy;
  return { principal, policy: { namespace, name, generation, resource } };
}

export function invalidParams(problem: string): Outcome {
  return { error: { code: errorCodes.invalidParams, message: `Invalid params: ${problem}` } };
}
