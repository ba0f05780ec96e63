import type CodeBlockWriter from 'code-block-writer';
import type { Crd } from './crd.ts';
import { patternWords } from './pattern-words.ts';
import {
  type IntegerSchema,
  type ListSchema,
  type ObjectSchema,
  type Schema,
  type StringSchema,
  walk,
} from './schema.ts';
import { finishSource, literal, startBody, startSource } from './source-writer.ts';
import { nameTypes } from './type-names.ts';

type Names = ReadonlyMap<Schema, string>;

const vocabulary = [
  'decodeWith',
  'defaulted',
  'integer',
  'list',
  'object',
  'oneOf',
  'optional',
  'required',
  'string',
];

/**
 * Writes `decode.gen.ts`: the checks of the spec, put together from the vocabulary in `schema-checks.ts`.
 *
 * @throws when a string, number or list of the spec is unbounded, or a pattern has no words
 */
export function writeDecoder(crd: Crd): string {
  const names = nameTypes(crd);
  const types = new Set([...walk(crd.spec)].flatMap((schema) => names.get(schema) ?? []));
  const body = writeBody(crd, names);
  const words = vocabulary.filter((word) => new RegExp(`\\b${word}[(<]`).test(body));
  const writer = startSource();
  writer.writeLine(`import type { Decoded } from './field-error.ts';`);
  writeImport(writer, 'import type', [...types].sort(), './mcp-auth-policy.gen.ts');
  writeImport(writer, 'import', words, './schema-checks.ts');
  return finishSource(writer.blankLine().write(body));
}

function writeImport(writer: CodeBlockWriter, start: string, names: readonly string[], from: string): void {
  writer.write(`${start} `).inlineBlock(() => {
    for (const name of names) {
      writer.writeLine(`${name},`);
    }
  });
  writer.write(` from '${from}';`).newLine();
}

function writeBody(crd: Crd, names: Names): string {
  const writer = startBody();
  for (const [name, schema] of objectsInside(crd.spec, names)) {
    writer.write(`const ${constantOf(name)} = object<${name}>(`);
    writer.inlineBlock(() => writeMembers(writer, schema, names));
    writer.write(');').newLine().blankLine();
  }
  const name = names.get(crd.spec) ?? '';
  writer.writeLine('/**');
  writer.writeLine(
    ' * Reads the spec of a policy as its schema demands; the CEL rules are not checked here.',
  );
  writer.writeLine(' *');
  writer.writeLine(
    ' * @returns a fresh, deeply frozen spec with defaults filled in, or all errors, but at most 20',
  );
  writer.writeLine(' */');
  writer.write(`export function decodeSpec(value: unknown): Decoded<${name}> `).block(() => {
    writer.writeLine(`return decodeWith(${constantOf(name)}, value, '${crd.spec.path}');`);
  });
  return writer.toString();
}

/** Lists the objects of a schema by their type's name, inner ones first: a constant must stand before its use. */
function objectsInside(schema: Schema, names: Names): ReadonlyMap<string, ObjectSchema> {
  if (schema.type === 'array') {
    return objectsInside(schema.items, names);
  }
  if (schema.type !== 'object') {
    return new Map();
  }
  const inner = [...schema.properties.values()].flatMap((property) => [...objectsInside(property, names)]);
  return new Map([...inner, [names.get(schema) ?? '', schema]]);
}

function writeMembers(writer: CodeBlockWriter, schema: ObjectSchema, names: Names): void {
  for (const [name, property] of schema.properties) {
    const isDefaulted = property.defaultValue !== undefined;
    const presence = schema.required.has(name) ? 'required' : 'optional';
    writer.write(`${name}: ${isDefaulted ? 'defaulted' : presence}(`);
    writeCheck(writer, property, names);
    writer.write(isDefaulted ? `, ${literal(property.defaultValue)}),` : '),').newLine();
  }
}

function writeCheck(writer: CodeBlockWriter, schema: Schema, names: Names): void {
  switch (schema.type) {
    case 'string':
      if (schema.enum === undefined) {
        writer
          .write('string(')
          .inlineBlock(() => writeStringLimits(writer, schema))
          .write(')');
      } else {
        writer.write(`oneOf<${names.get(schema)}>(${literal(schema.enum)})`);
      }
      return;
    case 'integer':
      writer.write(`integer(${integerLimits(schema)})`);
      return;
    case 'array':
      writer.write('list(');
      writeCheck(writer, schema.items, names);
      writer.write(`, ${literal(listLimits(schema))})`);
      return;
    case 'object':
      writer.write(constantOf(names.get(schema) ?? ''));
  }
}

function writeStringLimits(writer: CodeBlockWriter, schema: StringSchema): void {
  const { path, format, pattern, minLength, maxLength } = schema;
  const expected = pattern === undefined ? 'a string' : patternWords.get(pattern);
  if (expected === undefined) {
    throw new Error(`${path}: say in tools/generate/pattern-words.ts what the pattern ${pattern} means`);
  }
  if (maxLength === undefined || format !== undefined) {
    throw new Error(`${path}: a string of the spec needs maxLength and has no format`);
  }
  for (const [name, value] of Object.entries({ expected, minLength, maxLength, pattern })) {
    writer.conditionalWriteLine(value !== undefined, () => `${name}: ${literal(value)},`);
  }
}

function integerLimits({ path, minimum, maximum }: IntegerSchema): string {
  if (minimum === undefined || maximum === undefined) {
    throw new Error(`${path}: a number of the spec needs minimum and maximum`);
  }
  return `${minimum}, ${maximum}`;
}

function listLimits({ path, minItems, maxItems, listType, mapKeys }: ListSchema): object {
  if (maxItems === undefined) {
    throw new Error(`${path}: a list of the spec needs maxItems`);
  }
  const unique = { atomic: undefined, set: 'set', map: mapKeys }[listType];
  return {
    ...(minItems === undefined ? {} : { minItems }),
    maxItems,
    ...(unique === undefined ? {} : { unique }),
  };
}

function constantOf(typeName: string): string {
  return typeName.charAt(0).toLowerCase() + typeName.slice(1);
}
