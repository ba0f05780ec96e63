import type { UntypedObject } from '../api/kubernetes-object.ts';

/** Where an object is that a policy names. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** The same pattern as in the CRD. A stored policy may be older than the CRD, and `..` in a path leads elsewhere. */
const objectName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
const maxNameLength = 253;

/**
 * The ConfigMaps that a policy names, each once, always in its own namespace.
 *
 * The policy need not be valid; what has not the shape of a reference names nothing.
 */
export function namedConfigMaps(policy: UntypedObject): readonly ObjectName[] {
  return objectsAt(policy, ['caBundleRef'], ['jwks', 'configMapRef']);
}

/** The Services that a policy names; otherwise as {@link namedConfigMaps}. */
export function namedServices(policy: UntypedObject): readonly ObjectName[] {
  return objectsAt(policy, ['upstream', 'service']);
}

function objectsAt(
  { metadata: { namespace }, spec }: UntypedObject,
  ...refs: readonly (readonly string[])[]
): readonly ObjectName[] {
  const names = refs.map((path) => [...path, 'name'].reduce(member, spec));
  return [...new Set(names)].filter(isObjectName).map((name) => ({ namespace, name }));
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function isObjectName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxNameLength && objectName.test(value);
}
