import { createRemoteJWKSet, jwtVerify } from 'jose';

/** Gives the claims about the caller; rejects when they are not the operator's, not for this policy, or too old. */
export function createAssertionVerifier({ keysURL, publicURL, policy }) {
  const keys = createRemoteJWKSet(new URL(keysURL));
  const options = { issuer: publicURL, audience: `mcpauth.dev/policies/${policy}`, typ: 'mcp-assertion+jwt' };
  const strict = { algorithms: ['ES256', 'EdDSA', 'RS256'], requiredClaims: ['sub', 'exp'], clockTolerance: 5 };
  return async (headers) =>
    (await jwtVerify(headers['mcp-auth-assertion'] ?? '', keys, { ...options, ...strict })).payload;
}
