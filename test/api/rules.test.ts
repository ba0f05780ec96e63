import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePolicySpec } from '../../operator/api/decode.ts';
import { CEL_RULES } from '../../operator/api/rules.gen.ts';
import { ruleTwins } from '../../operator/api/rules.ts';
import { parseStrictUrl } from '../../operator/api/strict-url.ts';
import { policyCases } from './policies.cases.ts';
import { puzzlingUrls } from './url-pieces.ts';

describe('the twins of the CEL rules', () => {
  const identify = ({ path, message }: { path: string; message: string }): string => `${path}: ${message}`;

  it('are one for each rule, and no more', () => {
    expect(ruleTwins.map(identify).sort()).toEqual(CEL_RULES.map(identify).sort());
  });

  it.each(CEL_RULES)('have a row in which "$message" is broken at $path', ({ path, message }) => {
    const broken = policyCases.flatMap(({ spec }) => {
      const decoded = decodePolicySpec({
        apiVersion: 'mcpauth.dev/v1alpha1',
        kind: 'McpAuthPolicy',
        metadata: { name: 'a', namespace: 'b' },
        spec,
      });
      return decoded.ok ? [] : decoded.errors;
    });
    const found = broken.map((error) =>
      identify({ ...error, path: error.path.replaceAll(/\[\d+\]/g, '[]') }),
    );
    expect(found).toContain(identify({ path, message }));
  });

  it('leave only URLs that can be read in one way', () => {
    const readInOneWay = fc.property(puzzlingUrls, (discoveryURL) => {
      const decoded = decodePolicySpec({
        apiVersion: 'mcpauth.dev/v1alpha1',
        kind: 'McpAuthPolicy',
        metadata: { name: 'a', namespace: 'b' },
        spec: { issuer: 'https://a', audience: 'a', mode: 'OIDC', discoveryURL },
      });
      // Where it differs, the rules let through what parsers understand differently, or refuse what they do not.
      expect(parseStrictUrl(discoveryURL) !== undefined).toBe(decoded.ok);
    });
    fc.assert(readInOneWay, { seed: 1, numRuns: 20_000 });
  });
});
