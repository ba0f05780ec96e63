import { toNodeHandler } from '@modelcontextprotocol/node';
import { type AuthInfo, createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import type { Admission, Backend } from './backend.ts';

/** Bytes. Its one tool takes no arguments, and many callers may send at once. */
const maxRequestBodySize = 64 * 1024;

/**
 * The built-in MCP server: 2026-07-28, and older revisions without sessions. Its one tool shows who the caller was found
 * to be and which policy let it in.
 */
export function createBuiltInServer(version: string, onError: (error: Error) => void): Backend {
  const handler = createMcpHandler(({ authInfo }) => buildServer(version, readAdmission(authInfo)), {
    onerror: onError,
    maxRequestBodySize,
  });
  const { begin, end, whenNone } = createUnanswered();
  const beginAnswer: typeof handler.fetch = (request, options) =>
    handler.fetch(request, options).finally(() => end(readAdmission(options?.authInfo)));
  const answer = toNodeHandler({ fetch: beginAnswer }, { onerror: onError, maxRequestBodySize });
  return {
    async handle({ incoming, admission }, response) {
      // The SDK hands all headers on to the server: the caller's token stops here.
      delete incoming.headers.authorization;
      const admitted = Object.assign(incoming, { auth: toAuthInfo(admission) });
      // Node types what a server's request always has as possibly missing.
      begin(admission);
      await answer(admitted as typeof admitted & { method: string; url: string }, response).finally(() =>
        end(admission),
      );
    },
    async close() {
      // The SDK answers 500 to a request whose body arrives after its end.
      await whenNone();
      await handler.close();
    },
  };
}

/** Requests of which nothing has been answered yet; a stream has its head. */
function createUnanswered() {
  const unanswered = new Set<Admission>();
  let tell = (): void => undefined;
  return {
    begin: (admission: Admission): void => void unanswered.add(admission),
    end(admission: Admission): void {
      unanswered.delete(admission);
      if (unanswered.size === 0) tell();
    },
    async whenNone(): Promise<void> {
      if (unanswered.size === 0) return;
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    },
  };
}

function buildServer(version: string, admission: Admission): McpServer {
  const server = new McpServer({ name: 'mcp-auth-operator', version });
  server.registerTool(
    'whoami',
    {
      title: 'Who am I',
      description: 'Shows the verified caller of this request and the policy that admitted it.',
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => ({ content: [{ type: 'text', text: JSON.stringify(describe(admission)) }] }),
  );
  return server;
}

function describe({ policy, principal }: Admission): object {
  const { namespace, name, generation, resource } = policy;
  return { principal, policy: { namespace, name, generation, resource } };
}

function toAuthInfo(admission: Admission): AuthInfo {
  const { clientId, subject, scopes, expiresAt } = admission.principal;
  return { token: '', clientId: clientId ?? subject, scopes: [...scopes], expiresAt, extra: { admission } };
}

function readAdmission(authInfo: AuthInfo | undefined): Admission {
  const admission = authInfo?.extra?.admission;
  if (admission === undefined) throw new Error('a request reached the built-in server without an admission');
  return admission as Admission;
}
