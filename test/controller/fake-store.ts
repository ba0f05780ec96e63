import { isDeepStrictEqual } from 'node:util';

/** An object as the fake API server stores it. */
export interface FakeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly [member: string]: unknown;
}

/** A change, as a watch tells it. */
export interface FakeChange {
  readonly plural: string;
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: FakeObject;
}

const kinds: Readonly<Record<string, { readonly apiVersion: string; readonly kind: string }>> = {
  mcpauthpolicies: { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy' },
  configmaps: { apiVersion: 'v1', kind: 'ConfigMap' },
  services: { apiVersion: 'v1', kind: 'Service' },
  leases: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
};

/** Objects with resource versions and the history that watches are served from. */
export class FakeStore {
  readonly #objects = new Map<string, FakeObject>();
  #history: FakeChange[] = [];
  #version = 100;
  #compactedAt = 0;
  #onChange: (change: FakeChange) => void;

  constructor(onChange: (change: FakeChange) => void) {
    this.#onChange = onChange;
  }

  get version(): number {
    return this.#version;
  }

  /** Creates or replaces `namespace/name`; `members` may hold further metadata. */
  put(plural: string, key: string, { metadata = {}, ...members }: Record<string, unknown> = {}): FakeObject {
    const [namespace = '', name = ''] = key.split('/');
    const before = this.#objects.get(`${plural} ${key}`);
    this.#version += 1;
    const object = {
      ...kinds[plural],
      ...members,
      metadata: {
        ...{ namespace, name, uid: before?.metadata.uid ?? `uid-${this.#version}` },
        ...(metadata as Record<string, unknown>),
        resourceVersion: `${this.#version}`,
      },
    } as unknown as FakeObject;
    this.#objects.set(`${plural} ${key}`, object);
    this.#record(plural, before === undefined ? 'ADDED' : 'MODIFIED', object);
    return object;
  }

  remove(plural: string, key: string): void {
    const before = this.#objects.get(`${plural} ${key}`);
    if (before === undefined) {
      throw new Error(`${plural} ${key} does not exist`);
    }
    this.#objects.delete(`${plural} ${key}`);
    this.#version += 1;
    const metadata = { ...before.metadata, resourceVersion: `${this.#version}` };
    this.#record(plural, 'DELETED', { ...before, metadata });
  }

  get(plural: string, key: string): FakeObject | undefined {
    return this.#objects.get(`${plural} ${key}`);
  }

  list(plural: string, namespace: string | undefined): readonly FakeObject[] {
    return [...this.#objects]
      .filter(([key]) => key.startsWith(`${plural} ${namespace === undefined ? '' : `${namespace}/`}`))
      .map(([, object]) => object);
  }

  /** Replaces the status like a server-side apply: no new version when nothing changes. Undefined: conflict. */
  applyStatus(plural: string, key: string, body: Record<string, unknown>): FakeObject | undefined {
    const before = this.get(plural, key);
    const { resourceVersion } = body.metadata as Record<string, unknown>;
    if (
      before === undefined ||
      (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion)
    ) {
      return undefined;
    }
    const isSame = isDeepStrictEqual(before.status, body.status);
    return isSame ? before : this.put(plural, key, { ...before, status: body.status });
  }

  /** Creates what is not there. Undefined: it is. */
  create(plural: string, namespace: string, body: Record<string, unknown>): FakeObject | undefined {
    const key = `${namespace}/${(body.metadata as Record<string, unknown>).name}`;
    return this.get(plural, key) === undefined ? this.put(plural, key, body) : undefined;
  }

  /** Replaces the version that the body names. Undefined: conflict. */
  update(plural: string, key: string, body: Record<string, unknown>): FakeObject | undefined {
    const { resourceVersion } = body.metadata as Record<string, unknown>;
    return resourceVersion === this.get(plural, key)?.metadata.resourceVersion
      ? this.put(plural, key, body)
      : undefined;
  }

  /** Forgets the history, as etcd does every five minutes. */
  compact(): void {
    this.#history = [];
    this.#compactedAt = this.#version;
  }

  /** The changes after a version, or undefined when that is too old. */
  changesSince(version: number): readonly FakeChange[] | undefined {
    return version < this.#compactedAt
      ? undefined
      : this.#history.filter((change) => change.version > version);
  }

  #record(plural: string, type: FakeChange['type'], object: FakeObject): void {
    const change = { plural, type, object, version: this.#version };
    this.#history.push(change);
    this.#onChange(change);
  }
}
