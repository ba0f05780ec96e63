import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import type { Admission } from '../backend.ts';
import { errorCodes } from '../json-rpc.ts';
import { mayUseTool } from '../tools/tool-rules.ts';
import type { Outcome } from './message.ts';

/** Takes no token, nor anything else: a tool that took one would put it in front of a model. */
const whoami = {
  name: 'whoami',
  title: 'Who am I',
  description: 'Shows the verified caller of this request and the policy that admitted it.',
  inputSchema: { type: 'object', properties: {} },
  annotations: { readOnlyHint: true, openWorldHint: false },
};

/** `tools/list`. One page, so a cursor says nothing. */
export function listTools(params: JsonObject, admission: Admission): Outcome {
  if (params.cursor !== undefined && typeof params.cursor !== 'string') {
    return invalidParams('cursor is not a string');
  }
  return { result: { tools: mayUseTool(admission, whoami.name) ? [whoami] : [] } };
}

/** `tools/call`. */
export function callTool({ name, arguments: given = {} }: JsonObject, admission: Admission): Outcome {
  if (typeof name !== 'string') return invalidParams('name is not a string');
  if (!isJsonObject(given)) return invalidParams('arguments is not an object');
  if (name !== whoami.name || !mayUseTool(admission, name)) {
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
