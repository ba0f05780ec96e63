import type { CompiledPolicy } from '../policy/snapshot.ts';
import { type DenialReason, denials } from '../verify/denial.ts';
import { type Answer, refuse } from './answer.ts';

/**
 * The answer to a denied request: status and `WWW-Authenticate` of RFC 6750 section 3 with the `resource_metadata` of
 * RFC 9728 section 5.1. Without credentials there is no error code. `error_description` comes last: common clients take
 * the challenge apart with simple patterns. It names the scopes that every request needs and, after them, those of this
 * operation, each once and all of them whatever the token has.
 */
export function challenge(
  reason: DenialReason,
  policy: CompiledPolicy,
  operationScopes: readonly string[] = [],
): Answer {
  const denial: { readonly status: number; readonly error?: string; readonly description: string } =
    denials[reason];
  const scopes = [...new Set([...(policy.metadata?.scopes_supported ?? []), ...operationScopes])];
  const parameters = [
    ...(denial.error === undefined ? [] : [`error="${denial.error}"`]),
    `resource_metadata="${policy.metadataURL}"`,
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`]),
    ...(denial.error === undefined ? [] : [`error_description="${denial.description}"`]),
  ];
  return refuse(denial.status, capitalise(denial.description), {
    'www-authenticate': `Bearer ${parameters.join(', ')}`,
  });
}

function capitalise(clause: string): string {
  return `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
}
