import type { Gate } from '../http/gate/gate.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { CompiledPolicy, RoutingTable } from '../policy/snapshot.ts';
import type { EnforcedConfig } from '../policy/verifier-config.ts';

/**
 * Whether a client that comes without a token finds its way: the challenge can be read (RFC 6750 section 3), the metadata
 * that it names is served (RFC 9728 section 5.1), and that is about this resource and this issuer.
 *
 * @param headFor - a request for a path of the policy's host.
 */
export async function leadsToMetadata(
  gate: Gate,
  snapshot: RoutingTable,
  policy: CompiledPolicy & { readonly verifier: EnforcedConfig },
  headFor: (method: string, path: string) => RequestHead,
): Promise<boolean> {
  const refused = await gate(headFor('POST', policy.path), snapshot);
  if (refused.kind !== 'answer') return false;
  const location = readMetadataURL(refused.answer.headers['www-authenticate'] ?? '');
  const origin = policy.resource.slice(
    0,
    policy.resource.length - (policy.path === '/' ? 0 : policy.path.length),
  );
  if (location === undefined || !location.startsWith(`${origin}/`)) return false;
  const served = await gate(headFor('GET', location.slice(origin.length)), snapshot);
  if (served.kind !== 'answer' || served.answer.status !== 200) return false;
  const { resource, authorization_servers: servers } = JSON.parse(served.answer.body ?? '{}') as {
    readonly resource?: unknown;
    readonly authorization_servers?: unknown;
  };
  return (
    resource === policy.resource &&
    Array.isArray(servers) &&
    servers.length === 1 &&
    servers[0] === policy.verifier.issuer
  );
}

const challengeForm = /^Bearer (?:[a-z_]+="[^"\\]*"(?:, |$))+$/;

function readMetadataURL(challenge: string): string | undefined {
  if (!challengeForm.test(challenge)) return undefined;
  return /(?:^Bearer |, )resource_metadata="([^"]*)"/.exec(challenge)?.[1];
}
