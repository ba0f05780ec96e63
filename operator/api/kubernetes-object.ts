/** The members of `metadata` that the operator reads. A folder of manifests has only the first two or three. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  /** Ours, of the kinds that carry some. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A Kubernetes object as it was read: its identity is known, the rest is not yet trusted to have any shape. */
export interface UntypedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [member: string]: unknown;
}

/** `namespace/name`, the key of an object among others of its kind. */
export function objectKey(metadata: { readonly namespace: string; readonly name: string }): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Whether a namespace can have this name: a DNS label as RFC 1123 has it. */
export function isNamespaceName(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
