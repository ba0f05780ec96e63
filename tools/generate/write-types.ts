import type CodeBlockWriter from 'code-block-writer';
import type { Crd } from './crd.ts';
import type { ObjectSchema, Schema } from './schema.ts';
import { finishSource, quote, startSource, writeDoc } from './source-writer.ts';
import { nameTypes } from './type-names.ts';

/** Writes `mcp-auth-policy.gen.ts`: the names of the kind, and its deeply readonly types as they are after decoding. */
export function writeTypes(crd: Crd): string {
  const names = nameTypes(crd);
  const writer = startSource();
  writer.writeLine(`import type { ObjectMeta } from './kubernetes-object.ts';`).blankLine();
  writer.writeLine(`export const GROUP = ${quote(crd.group)};`);
  writer.writeLine(`export const VERSION = ${quote(crd.version)};`);
  writer.writeLine(`export const API_VERSION = ${quote(`${crd.group}/${crd.version}`)};`);
  writer.writeLine(`export const KIND = ${quote(crd.kind)};`);
  writer.writeLine(`export const PLURAL = ${quote(crd.plural)};`).blankLine();
  writeKind(writer, crd);
  const written = new Set<string>();
  for (const [schema, name] of names) {
    if (!written.has(name)) {
      written.add(name);
      writer.blankLine();
      writeType(writer, schema, names);
    }
  }
  return finishSource(writer);
}

function writeKind(writer: CodeBlockWriter, { kind, description, spec, status }: Crd): void {
  writeDoc(writer, description);
  writer.write(`export interface ${kind} `).block(() => {
    writer.writeLine('readonly apiVersion: typeof API_VERSION;');
    writer.writeLine('readonly kind: typeof KIND;');
    writer.writeLine('readonly metadata: ObjectMeta;');
    writeDoc(writer, spec.description);
    writer.writeLine(`readonly spec: ${kind}Spec;`);
    writeDoc(writer, status.description);
    writer.writeLine(`readonly status?: ${kind}Status;`);
  });
}

function writeType(writer: CodeBlockWriter, schema: Schema, names: ReadonlyMap<Schema, string>): void {
  const name = names.get(schema);
  if (schema.type === 'object') {
    writeDoc(writer, schema.description);
    writer.write(`export interface ${name} `).block(() => writeMembers(writer, schema, names));
  } else if (schema.type === 'string') {
    writeDoc(writer, schema.description);
    writer.writeLine(`export type ${name} = ${(schema.enum ?? []).map(quote).join(' | ')};`);
  }
}

function writeMembers(
  writer: CodeBlockWriter,
  schema: ObjectSchema,
  names: ReadonlyMap<Schema, string>,
): void {
  for (const [name, property] of schema.properties) {
    const isPresent = schema.required.has(name) || property.defaultValue !== undefined;
    writeDoc(writer, property.description);
    writer.writeLine(`readonly ${name}${isPresent ? '' : '?'}: ${typeOf(property, names)};`);
  }
}

function typeOf(schema: Schema, names: ReadonlyMap<Schema, string>): string {
  switch (schema.type) {
    case 'array':
      return `readonly ${typeOf(schema.items, names)}[]`;
    case 'integer':
      return 'number';
    default:
      return names.get(schema) ?? 'string';
  }
}
