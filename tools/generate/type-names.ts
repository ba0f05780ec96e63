import type { Crd } from './crd.ts';
import { type Schema, walk } from './schema.ts';

/** Where the name of the field alone would say too little. */
const namesOfPaths: Readonly<Record<string, string>> = {
  'spec.jwks.configMapRef': 'ConfigMapKeyRef',
  'spec.caBundleRef': 'ConfigMapKeyRef',
  'spec.tools[]': 'ToolScopes',
  'spec.upstream.service': 'UpstreamService',
  'status.conditions[].status': 'ConditionStatus',
  'status.issuer': 'IssuerStatus',
};

/**
 * Names the schemas that become TypeScript types of their own: objects and closed lists of strings. A field gives its
 * type the name: `requiredClaims[]` is a `RequiredClaim`.
 *
 * @returns the name of each such schema, in the order of the CRD
 * @throws when two schemas that differ would get the same name
 */
export function nameTypes(crd: Crd): ReadonlyMap<Schema, string> {
  const names = new Map<Schema, string>();
  const shapes = new Map<string, string>();
  for (const schema of [...walk(crd.spec), ...walk(crd.status)].filter(isNamed)) {
    const name = nameOf(schema, crd);
    const shape = shapeOf(schema);
    if ((shapes.get(name) ?? shape) !== shape) {
      throw new Error(
        `${schema.path}: another type is called ${name}; name it in tools/generate/type-names.ts`,
      );
    }
    shapes.set(name, shape);
    names.set(schema, name);
  }
  return names;
}

function isNamed(schema: Schema): boolean {
  return schema.type === 'object' || (schema.type === 'string' && schema.enum !== undefined);
}

function nameOf(schema: Schema, crd: Crd): string {
  if (schema === crd.spec || schema === crd.status) {
    return `${crd.kind}${capitalize(schema.path)}`;
  }
  const field = capitalize(schema.path.slice(schema.path.lastIndexOf('.') + 1));
  return namesOfPaths[schema.path] ?? (field.endsWith('s[]') ? field.slice(0, -3) : field);
}

/** Everything that matters to types and decoder: two schemas with one shape can share both. */
function shapeOf(schema: Schema): string {
  return JSON.stringify(schema, (key, value) => {
    if (key === 'path' || key === 'description') {
      return undefined;
    }
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
}

function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
