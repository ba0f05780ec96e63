import { parse } from 'yaml';
import { type ObjectSchema, readSchema } from './schema.ts';

/** A column that `kubectl get` shows. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
}

/** What the generator reads of a CustomResourceDefinition with one version. */
export interface Crd {
  readonly group: string;
  readonly version: string;
  readonly scope: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly printerColumns: readonly PrinterColumn[];
  /** What the kind is for. */
  readonly description: string;
  readonly spec: ObjectSchema;
  readonly status: ObjectSchema;
}

/**
 * Reads a CustomResourceDefinition.
 *
 * @param text the YAML document
 * @throws when it is not one with exactly one version, or its schema uses what the generator does not know
 */
export function readCrd(text: string): Crd {
  const { spec } = parse(text);
  if (spec.versions.length !== 1) {
    throw new Error(`the CRD has ${spec.versions.length} versions: the generator handles one`);
  }
  const [version] = spec.versions;
  const root = version.schema.openAPIV3Schema;
  return {
    group: spec.group,
    version: version.name,
    scope: spec.scope,
    kind: spec.names.kind,
    plural: spec.names.plural,
    shortNames: spec.names.shortNames ?? [],
    categories: spec.names.categories ?? [],
    printerColumns: version.additionalPrinterColumns ?? [],
    description: root.description,
    spec: readObject(root.properties.spec, 'spec'),
    status: readObject(root.properties.status, 'status'),
  };
}

function readObject(raw: Readonly<Record<string, unknown>>, path: string): ObjectSchema {
  const schema = readSchema(raw, path);
  if (schema.type !== 'object') {
    throw new Error(`${path}: must be an object`);
  }
  return schema;
}
