import { decodeSpec } from './decode.gen.ts';
import { maxErrors } from './error-list.ts';
import type { Decoded } from './field-error.ts';
import type { UntypedObject } from './kubernetes-object.ts';
import type { McpAuthPolicySpec } from './mcp-auth-policy.gen.ts';
import { checkRules } from './rules.ts';

/**
 * Reads the spec of an McpAuthPolicy as the API server of a cluster with the present CRD would judge it: the schema,
 * then its rules. Unlike there, unknown fields are always errors.
 *
 * @returns a fresh, deeply frozen spec with defaults filled in, or everything that is wrong, but at most 20 errors
 */
export function decodePolicySpec(object: UntypedObject): Decoded<McpAuthPolicySpec> {
  const decoded = decodeSpec(object.spec);
  if (!decoded.ok) {
    return decoded;
  }
  const errors = checkRules(decoded.value);
  return errors.length === 0 ? decoded : { ok: false, errors: errors.slice(0, maxErrors) };
}
