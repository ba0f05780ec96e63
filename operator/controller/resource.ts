import type { ObjectMeta, UntypedObject } from '../api/kubernetes-object.ts';
import { GROUP, KIND, PLURAL, VERSION } from '../api/mcp-auth-policy.gen.ts';
import { isJsonObject } from '../json/json-object.ts';

/** A kind of namespaced objects, and where the API server has them. */
export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Annotations whose names begin with this are kept; none when left out. */
  readonly annotationPrefix?: string;
}

export const mcpAuthPolicies: ResourceKind = { group: GROUP, version: VERSION, plural: PLURAL, kind: KIND };
export const configMaps: ResourceKind = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
export const services: ResourceKind = { group: '', version: 'v1', plural: 'services', kind: 'Service' };
export const leases: ResourceKind = {
  ...{ group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' },
  annotationPrefix: `${GROUP}/`,
};

/** Path of a collection; of all namespaces when none is given. */
export function collectionPath({ group, version, plural }: ResourceKind, namespace?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object. The name must be a valid one: `..` would lead elsewhere. */
export function objectPath(
  resource: ResourceKind,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
}

/**
 * Judges the identity of an object from a list or a watch, and leaves out what nobody reads: of the metadata only the
 * members of `ObjectMeta` stay, neither managedFields nor annotations (up to 256 KiB an object, chosen by tenants) that
 * the resource does not ask for.
 *
 * @returns undefined for something that is not a namespaced object with a version
 */
export function toStoredObject(raw: unknown, resource: ResourceKind): UntypedObject | undefined {
  const metadata = isJsonObject(raw) ? toObjectMeta(raw.metadata, resource) : undefined;
  if (!isJsonObject(raw) || metadata?.resourceVersion === undefined) {
    return undefined;
  }
  // Items of a list often come without these two.
  return { ...raw, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
}

/** The `apiVersion` that objects of this kind carry. */
export function apiVersionOf({ group, version }: ResourceKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The resourceVersion of an object that may have nothing else, such as a bookmark's. */
export function resourceVersionOf(raw: unknown): string | undefined {
  const metadata = isJsonObject(raw) ? raw.metadata : undefined;
  return isJsonObject(metadata) ? nonEmptyString(metadata.resourceVersion) : undefined;
}

function toObjectMeta(metadata: unknown, { annotationPrefix }: ResourceKind): ObjectMeta | undefined {
  const given = isJsonObject(metadata) ? metadata : {};
  const name = nonEmptyString(given.name);
  const namespace = nonEmptyString(given.namespace);
  if (name === undefined || namespace === undefined) {
    return undefined;
  }
  const texts = ['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp'].flatMap((member) => {
    const text = nonEmptyString(given[member]);
    return text === undefined ? [] : [[member, text]];
  });
  const { generation } = given;
  return {
    ...{ name, namespace },
    ...(typeof generation === 'number' ? { generation } : {}),
    ...Object.fromEntries(texts),
    ...(annotationPrefix === undefined
      ? {}
      : { annotations: pickAnnotations(given.annotations, annotationPrefix) }),
  };
}

function pickAnnotations(annotations: unknown, prefix: string): Readonly<Record<string, string>> {
  const picked = Object.entries(isJsonObject(annotations) ? annotations : {}).filter(
    (entry): entry is [string, string] => entry[0].startsWith(prefix) && typeof entry[1] === 'string',
  );
  return Object.fromEntries(picked);
}

function nonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
