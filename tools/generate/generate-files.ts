import { readCrd } from './crd.ts';
import { writeConditions } from './write-conditions.ts';
import { writeDecoder } from './write-decoder.ts';
import { writeReference } from './write-reference.ts';
import { writeRules } from './write-rules.ts';
import { writeTypes } from './write-types.ts';

/** The file that everything is generated from, relative to the checkout. */
export const source = 'crds/mcpauthpolicies.yaml';

/**
 * Generates everything that follows from the CRD.
 *
 * @param text the CRD as YAML
 * @returns the text of each file by its path relative to the checkout
 * @throws when the CRD holds what the generator does not understand; the message says where and what
 */
export function generateFiles(text: string): ReadonlyMap<string, string> {
  const crd = readCrd(text);
  return new Map([
    ['operator/api/mcp-auth-policy.gen.ts', writeTypes(crd)],
    ['operator/api/decode.gen.ts', writeDecoder(crd)],
    ['operator/api/conditions.gen.ts', writeConditions(crd)],
    ['operator/api/rules.gen.ts', writeRules(crd)],
    ['docs/reference.md', writeReference(crd)],
  ]);
}
