import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import { API_VERSION, GROUP, KIND } from '../api/mcp-auth-policy.gen.ts';
import { isJsonObject } from '../json/json-object.ts';
import type { ConfigMapData, ServiceData } from '../policy/inputs.ts';
import { readService } from '../policy/read-service.ts';
import { readObjectMeta } from './object-meta.ts';
import { readYaml } from './yaml-documents.ts';

export interface ManifestFile {
  /** As messages shall name it. */
  readonly path: string;
  /** YAML, of one document or many, or JSON. */
  readonly text: string;
}

export interface Location {
  readonly file: string;
  /** From 1; 1 as well when the whole file is meant. */
  readonly line: number;
}

/** Something that keeps a file, or an object in it, from being used. */
export interface ManifestProblem extends Location {
  /** Path of the field within its document, such as `items[2].metadata.name`. */
  readonly field?: string;
  /** One clause without the place and without a full stop. */
  readonly message: string;
}

/** An object and where it is written. */
export interface Placed<T> {
  /** `namespace/name`. */
  readonly key: string;
  readonly value: T;
  /** Where a field of the object is; `''` is the object itself. */
  readonly locate: (fieldPath: string) => Location;
}

/** One thing that a file says. */
export type Entry =
  | { readonly type: 'policy'; readonly placed: Placed<UntypedObject> }
  | { readonly type: 'configMap'; readonly placed: Placed<ConfigMapData> }
  | { readonly type: 'service'; readonly placed: Placed<ServiceData> }
  | { readonly type: 'problem'; readonly problem: ManifestProblem };

/** Where an object is: in which document, and in which of its lists. */
interface Place {
  readonly locate: (documentPath: string) => Location;
  /** `''`, or the path in front of the object's own fields, such as `items[2]`. */
  readonly base: string;
}

const apiVersions = new Map([
  [KIND, API_VERSION],
  [`${KIND}List`, API_VERSION],
  ['ConfigMap', 'v1'],
  ['ConfigMapList', 'v1'],
  ['Service', 'v1'],
  ['ServiceList', 'v1'],
  ['List', 'v1'],
]);

/** Reads what one file says, in its order. A document or an object with a problem yields that and nothing else. */
export function readManifestFile({ path: file, text }: ManifestFile): readonly Entry[] {
  const { documents, errors } = readYaml(text);
  return [
    ...errors.map(({ line, message }): Entry => ({ type: 'problem', problem: { file, line, message } })),
    ...documents
      // An empty document is what a stray `---` or a file of comments makes.
      .filter(({ value }) => value !== null)
      .flatMap(({ value, lineOf }) =>
        readObject(value, { locate: (path) => ({ file, line: lineOf(path) }), base: '' }),
      ),
  ];
}

function readObject(object: unknown, place: Place): readonly Entry[] {
  if (!isJsonObject(object))
    return [problemAt(place, '', 'must be a mapping with apiVersion, kind and metadata')];
  const { kind, apiVersion } = object;
  if (typeof kind !== 'string') return [problemAt(place, 'kind', 'is missing: name the kind of the object')];
  const expected = apiVersions.get(kind);
  if (expected === undefined || isOfAnotherGroup(apiVersion, expected))
    return readOtherKind(kind, apiVersion, place);
  if (apiVersion !== expected) {
    const given = apiVersion === undefined ? 'is missing' : `${JSON.stringify(apiVersion)} is not known`;
    return [problemAt(place, 'apiVersion', `${given}: the apiVersion of a ${kind} is ${expected}`)];
  }
  if (kind.endsWith('List')) return readList(kind, object.items, place);
  const { meta, errors } = readObjectMeta(object.metadata);
  if (errors.length > 0) return errors.map(({ path, message }) => problemAt(place, path, message));
  const locate = (field: string): Location => place.locate(joinPath(place.base, field));
  const key = objectKey(meta);
  if (kind === 'ConfigMap') return readConfigMap(object.data, { key, locate }, place);
  if (kind === 'Service') {
    return [{ type: 'service', placed: { key, locate, value: readService(object.spec) } }];
  }
  const { status: _, ...rest } = object;
  return [{ type: 'policy', placed: { key, locate, value: { ...rest, apiVersion, kind, metadata: meta } } }];
}

/** Others have a kind Service, too: Knative, for instance. Objects of Kubernetes' own group have no group's name. */
function isOfAnotherGroup(apiVersion: unknown, expected: string): boolean {
  return expected === 'v1' && typeof apiVersion === 'string' && apiVersion.includes('/');
}

/** Other kinds are not ours to judge, but a misspelt kind of our own group would be a policy silently lost. */
function readOtherKind(kind: string, apiVersion: unknown, place: Place): readonly Entry[] {
  const isOurs = typeof apiVersion === 'string' && apiVersion.startsWith(`${GROUP}/`);
  if (!isOurs || kind === 'OperatorConfiguration') return [];
  return [problemAt(place, 'kind', `${JSON.stringify(kind)} is not known in ${GROUP}: use ${KIND}`)];
}

function readList(kind: string, items: unknown, place: Place): readonly Entry[] {
  if (!Array.isArray(items)) return [problemAt(place, 'items', 'must be a list of objects')];
  // The items of a typed list need not repeat what the list's own kind says.
  const itemKind = kind.slice(0, -'List'.length);
  const implied = itemKind === '' ? {} : { kind: itemKind, apiVersion: apiVersions.get(itemKind) };
  return items.flatMap((item, i) => {
    const base = joinPath(place.base, `items[${i}]`);
    return readObject(isJsonObject(item) ? { ...implied, ...item } : item, { ...place, base });
  });
}

function readConfigMap(
  data: unknown,
  placed: Omit<Placed<ConfigMapData>, 'value'>,
  place: Place,
): readonly Entry[] {
  const entries = data ?? {};
  if (!isJsonObject(entries)) return [problemAt(place, 'data', 'must be a mapping of strings')];
  const wrong = Object.entries(entries).filter(([, text]) => typeof text !== 'string');
  if (wrong.length > 0)
    return wrong.map(([name]) => problemAt(place, `data.${name}`, 'must be a string: quote it'));
  return [
    {
      type: 'configMap',
      placed: { ...placed, value: { data: entries as Readonly<Record<string, string>> } },
    },
  ];
}

function problemAt({ locate, base }: Place, field: string, message: string): Entry {
  const path = joinPath(base, field);
  return { type: 'problem', problem: { ...locate(path), ...(path === '' ? {} : { field: path }), message } };
}

function joinPath(base: string, field: string): string {
  return base === '' || field === '' ? base + field : `${base}.${field}`;
}
