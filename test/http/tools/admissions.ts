import type { Admission } from '../../../operator/http/backend.ts';
import type { ToolRule } from '../../../operator/policy/snapshot.ts';

/** A caller with these scopes, let in by a policy with these tool rules whose base scope is `mcp:use`. */
export function admit(scopes: readonly string[], tools: readonly ToolRule[]): Admission {
  return {
    policy: {
      namespace: 'team-a',
      name: 'tools',
      generation: 1,
      resource: 'https://mcp.example.com/team-a/tools/mcp',
      path: '/team-a/tools/mcp',
      metadataURL: 'https://mcp.example.com/.well-known/oauth-protected-resource/team-a/tools/mcp',
      metadata: {
        resource: 'https://mcp.example.com/team-a/tools/mcp',
        authorization_servers: ['https://idp.example.com'],
        scopes_supported: ['mcp:use'],
        bearer_methods_supported: ['header'],
      },
      verifier: { mode: 'deny' },
      tools,
      digest: 'd',
    },
    principal: { issuer: 'i', subject: 's', audiences: ['a'], scopes, expiresAt: 1 },
  };
}
