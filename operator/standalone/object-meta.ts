import type { FieldError } from '../api/field-error.ts';
import type { ObjectMeta } from '../api/kubernetes-object.ts';
import { isJsonObject } from '../json/json-object.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const maxLabelLength = 63;
const maxNameLength = 253;

/**
 * Reads the `metadata` of an object in a file. Takes only what a file can know: names, and the `creationTimestamp`
 * that settles conflicts. `uid`, `resourceVersion`, `generation` and the like are leftovers of a cluster.
 */
export function readObjectMeta(metadata: unknown): {
  readonly meta: ObjectMeta;
  /** Empty when `meta` may be used. */
  readonly errors: readonly FieldError[];
} {
  const given = isJsonObject(metadata) ? metadata : {};
  const { name, creationTimestamp } = given;
  const namespace = given.namespace ?? 'default';
  const errors = [...checkName(name), ...checkNamespace(namespace)];
  return {
    meta: {
      name: String(name),
      namespace: String(namespace),
      generation: 1,
      ...(typeof creationTimestamp === 'string' ? { creationTimestamp } : {}),
    },
    errors,
  };
}

/** A DNS subdomain as RFC 1123 has it: labels with dots between them. */
function checkName(name: unknown): readonly FieldError[] {
  const path = 'metadata.name';
  if (name === undefined || name === null) return [{ path, message: 'is missing: give the object a name' }];
  if (typeof name !== 'string') return [{ path, message: `must be a string: write it as "${name}"` }];
  if (name.length > maxNameLength) return [{ path, message: tooLong(name, maxNameLength) }];
  if (name.split('.').every((part) => label.test(part))) return [];
  const allowed =
    'lower-case letters, digits, "-" and ".", with a letter or digit at both ends and beside each "."';
  return [{ path, message: `${JSON.stringify(name)} is not a name: use ${allowed}` }];
}

/** A DNS label as RFC 1123 has it. */
function checkNamespace(namespace: unknown): readonly FieldError[] {
  const path = 'metadata.namespace';
  if (typeof namespace !== 'string')
    return [{ path, message: `must be a string: write it as "${namespace}"` }];
  if (namespace.length > maxLabelLength) return [{ path, message: tooLong(namespace, maxLabelLength) }];
  if (label.test(namespace)) return [];
  const allowed = 'lower-case letters, digits and "-", with a letter or digit at both ends';
  return [{ path, message: `${JSON.stringify(namespace)} is not a namespace: use ${allowed}` }];
}

function tooLong(name: string, most: number): string {
  return `has ${name.length} characters: use at most ${most}`;
}
