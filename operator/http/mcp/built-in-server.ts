import { refuseMessage } from '../answer.ts';
import type { Backend } from '../backend.ts';
import { errorCodes } from '../json-rpc.ts';
import { write } from '../write.ts';
import { answerPost } from './answer-post.ts';
import type { ServerIdentity } from './revision.ts';

/** Bytes of a body that the built-in server may be handed. Its one tool takes no arguments, and many may call at once. */
export const maxBuiltInBodyBytes = 64 * 1024;

const empty = new Uint8Array();

/**
 * The built-in MCP server: 2026-07-28, and older revisions without sessions. Its one tool shows who the caller was found
 * to be and which policy let it in. It is handed whole bodies and reads nothing itself; it has no streams that last.
 */
export function createBuiltInServer(version: string): Backend {
  const server: ServerIdentity = {
    info: { name: 'mcp-auth-operator', version },
    capabilities: { tools: {} },
  };
  return {
    async handle({ incoming: { method, headers }, admission, body = empty }, response) {
      write(response, method === 'POST' ? answerPost({ headers, body, admission, server }) : postOnly);
    },
  };
}

/** There is no stream to GET and no session to DELETE. */
const methodNotAllowed = { code: errorCodes.other, message: 'Method not allowed.' };
const postOnly = refuseMessage(405, null, methodNotAllowed, { allow: 'POST' });
