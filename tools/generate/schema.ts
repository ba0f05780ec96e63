/** A rule in CEL with what it says to the author. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

interface CommonSchema {
  /** Where it stands, with `[]` for the items of a list, such as `spec.tools[].scopes[]`. */
  readonly path: string;
  readonly description: string;
  readonly defaultValue: unknown;
  readonly rules: readonly CelRule[];
}

/** A string, free or one of a closed list. */
export interface StringSchema extends CommonSchema {
  readonly type: 'string';
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
}

/** A whole number. */
export interface IntegerSchema extends CommonSchema {
  readonly type: 'integer';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
}

/** A list: atomic, a set of scalars, or a map whose entries are told apart by `mapKeys`. */
export interface ListSchema extends CommonSchema {
  readonly type: 'array';
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly listType: 'atomic' | 'set' | 'map';
  readonly mapKeys: readonly string[];
  readonly items: Schema;
}

/** An object with a closed list of members. */
export interface ObjectSchema extends CommonSchema {
  readonly type: 'object';
  readonly required: ReadonlySet<string>;
  readonly properties: ReadonlyMap<string, Schema>;
}

/** The part of a structural schema that the generator understands. */
export type Schema = StringSchema | IntegerSchema | ListSchema | ObjectSchema;

type RawSchema = Readonly<Record<string, unknown>>;

const commonKeywords = ['type', 'description', 'default', 'x-kubernetes-validations'];
const keywords: Readonly<Record<Schema['type'], readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format', 'enum'],
  integer: ['minimum', 'maximum', 'format'],
  array: ['minItems', 'maxItems', 'items', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  object: ['required', 'properties'],
};

/**
 * Reads a structural schema.
 *
 * @param raw what stands in the CRD
 * @param path what the schema is of, such as `spec`
 * @throws on a type or keyword that the generator does not know: a constraint must not get lost on the way
 */
export function readSchema(raw: RawSchema, path: string): Schema {
  const type = raw.type as Schema['type'];
  if (!Object.hasOwn(keywords, type)) {
    throw new Error(`${path}: type ${JSON.stringify(type)} is not known to the generator`);
  }
  const known = [...commonKeywords, ...keywords[type]];
  for (const keyword of Object.keys(raw)) {
    if (!known.includes(keyword)) {
      throw new Error(`${path}: keyword ${keyword} is not known to the generator`);
    }
  }
  const common = {
    path,
    description: String(raw.description ?? '').trim(),
    defaultValue: raw.default,
    rules: (raw['x-kubernetes-validations'] ?? []) as readonly CelRule[],
  };
  switch (type) {
    case 'string':
      return { type, ...common, ...pick(raw, keywords.string) };
    case 'integer':
      return { type, ...common, ...pick(raw, keywords.integer) };
    case 'array':
      return {
        type,
        ...common,
        ...pick(raw, ['minItems', 'maxItems']),
        listType: (raw['x-kubernetes-list-type'] ?? 'atomic') as ListSchema['listType'],
        mapKeys: (raw['x-kubernetes-list-map-keys'] ?? []) as readonly string[],
        items: readSchema(raw.items as RawSchema, `${path}[]`),
      };
    case 'object':
      return { type, ...common, ...readMembers(raw, path) };
  }
}

/** Lists a schema and everything in it: a parent before its children, in the order of the CRD. */
export function* walk(schema: Schema): Generator<Schema> {
  yield schema;
  if (schema.type === 'array') {
    yield* walk(schema.items);
  }
  if (schema.type === 'object') {
    for (const property of schema.properties.values()) {
      yield* walk(property);
    }
  }
}

function readMembers(raw: RawSchema, path: string): Pick<ObjectSchema, 'required' | 'properties'> {
  const properties = Object.entries((raw.properties ?? {}) as Readonly<Record<string, RawSchema>>);
  const required = new Set((raw.required ?? []) as readonly string[]);
  return {
    required,
    properties: new Map(
      properties.map(([name, property]) => [name, readSchema(property, `${path}.${name}`)]),
    ),
  };
}

function pick(raw: RawSchema, names: readonly string[]): object {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(raw, name)).map((name) => [name, raw[name]]),
  );
}
