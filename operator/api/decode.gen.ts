// Generated from crds/mcpauthpolicies.yaml by `npm run generate`; do not edit.

import type { Decoded } from './field-error.ts';
import type {
  Algorithm,
  ConfigMapKeyRef,
  Jwks,
  McpAuthPolicySpec,
  Mode,
  RequiredClaim,
  TokenType,
  ToolScopes,
  Upstream,
  UpstreamService,
} from './mcp-auth-policy.gen.ts';
import {
  decodeWith,
  defaulted,
  integer,
  list,
  object,
  oneOf,
  optional,
  required,
  string,
} from './schema-checks.ts';

const configMapKeyRef = object<ConfigMapKeyRef>({
  name: required(string({
    expected: 'the name of an object: lower-case letters, digits, dots and hyphens',
    minLength: 1,
    maxLength: 253,
    pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
  })),
  key: required(string({
    expected: 'a key of a ConfigMap: letters, digits, dots, underscores and hyphens',
    minLength: 1,
    maxLength: 253,
    pattern: '^[A-Za-z0-9._-]+$',
  })),
});

const jwks = object<Jwks>({
  uri: optional(string({
    expected: 'an https URL with a lower-case host and without user and fragment',
    minLength: 9,
    maxLength: 1024,
    pattern: '^https://([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(:[1-9][0-9]{0,4})?(/([A-Za-z0-9._~!$&()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?([?]([A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$',
  })),
  inline: optional(string({
    expected: 'a string',
    minLength: 2,
    maxLength: 65536,
  })),
  configMapRef: optional(configMapKeyRef),
});

const requiredClaim = object<RequiredClaim>({
  claim: required(string({
    expected: 'printable ASCII characters without spaces',
    minLength: 1,
    maxLength: 128,
    pattern: '^[!-~]+$',
  })),
  values: required(list(string({
    expected: 'a string',
    minLength: 1,
    maxLength: 256,
  }), { minItems: 1, maxItems: 32, unique: 'set' })),
});

const toolScopes = object<ToolScopes>({
  names: required(list(string({
    expected: 'a string',
    minLength: 1,
    maxLength: 128,
  }), { minItems: 1, maxItems: 64, unique: 'set' })),
  scopes: required(list(string({
    expected: 'one scope: printable ASCII characters without spaces, double quotes and backslashes',
    minLength: 1,
    maxLength: 128,
    pattern: '^[!#-\\[\\]-~]+$',
  }), { minItems: 1, maxItems: 16, unique: 'set' })),
});

const upstreamService = object<UpstreamService>({
  name: required(string({
    expected: 'the name of a Service: lower-case letters, digits and hyphens, a letter first',
    minLength: 1,
    maxLength: 63,
    pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
  })),
  port: required(integer(1, 65535)),
  path: defaulted(string({
    expected: 'an absolute path of letters, digits and . _ ~ - /',
    minLength: 1,
    maxLength: 256,
    pattern: '^/[A-Za-z0-9._~/-]*$',
  }), '/mcp'),
});

const upstream = object<Upstream>({
  service: required(upstreamService),
});

const mcpAuthPolicySpec = object<McpAuthPolicySpec>({
  issuer: required(string({
    expected: 'an https URL with a lower-case host and without user, query and fragment',
    minLength: 9,
    maxLength: 512,
    pattern: '^https://([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(:[1-9][0-9]{0,4})?(/([A-Za-z0-9._~!$&()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?$',
  })),
  audience: required(string({
    expected: 'printable ASCII characters without spaces',
    minLength: 1,
    maxLength: 512,
    pattern: '^[!-~]+$',
  })),
  mode: required(oneOf<Mode>(['OIDC', 'TokenReview', 'Offline'])),
  additionalAudiences: optional(list(string({
    expected: 'printable ASCII characters without spaces',
    minLength: 1,
    maxLength: 512,
    pattern: '^[!-~]+$',
  }), { maxItems: 16, unique: 'set' })),
  resource: optional(string({
    expected: 'a URL with a lower-case host and without trailing slash, percent-encoding, user, query and fragment',
    minLength: 8,
    maxLength: 512,
    pattern: '^https?://([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*$',
  })),
  discoveryURL: optional(string({
    expected: 'an https URL with a lower-case host and without user and fragment',
    minLength: 9,
    maxLength: 1024,
    pattern: '^https://([a-z0-9._-]+|\\[[0-9a-f:.]+\\])(:[1-9][0-9]{0,4})?(/([A-Za-z0-9._~!$&()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?([?]([A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$',
  })),
  jwks: optional(jwks),
  caBundleRef: optional(configMapKeyRef),
  algorithms: defaulted(list(oneOf<Algorithm>(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']), { minItems: 1, maxItems: 11, unique: 'set' }), ['RS256', 'ES256', 'PS256', 'EdDSA', 'Ed25519']),
  clockSkew: defaulted(string({
    expected: 'a duration in minutes and seconds, such as 60s, 5m or 1m30s',
    minLength: 2,
    maxLength: 8,
    pattern: '^([0-9]{1,3}m)?([0-9]{1,3}s)?$',
  }), '60s'),
  requiredScopes: optional(list(string({
    expected: 'one scope: printable ASCII characters without spaces, double quotes and backslashes',
    minLength: 1,
    maxLength: 128,
    pattern: '^[!#-\\[\\]-~]+$',
  }), { maxItems: 16, unique: 'set' })),
  requiredClaims: optional(list(requiredClaim, { maxItems: 16, unique: ['claim'] })),
  tools: optional(list(toolScopes, { maxItems: 32 })),
  upstream: optional(upstream),
  tokenType: defaulted(oneOf<TokenType>(['AccessToken', 'Any']), 'AccessToken'),
});

/**
 * Reads the spec of a policy as its schema demands; the CEL rules are not checked here.
 *
 * @returns a fresh, deeply frozen spec with defaults filled in, or all errors, but at most 20
 */
export function decodeSpec(value: unknown): Decoded<McpAuthPolicySpec> {
  return decodeWith(mcpAuthPolicySpec, value, 'spec');
}
