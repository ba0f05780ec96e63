import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';

/** One document of a YAML or JSON text, as a tree of plain JSON values. */
export interface YamlDocument {
  readonly value: unknown;
  /** The line, from 1, of a field such as `spec.tools[2].names`, or else of the nearest field that holds it. */
  lineOf(path: string): number;
}

export interface YamlError {
  readonly line: number;
  readonly message: string;
}

const maxDepth = 100;
/** How much the aliases of a document may add to it, in characters of JSON. */
const maxAliasedLength = 1_048_576;
/** Longer paths are not remembered, so that long keys above many values cannot fill the memory. */
const maxPathLength = 300;

/*
 * YAML 1.2 core, where Kubernetes reads YAML 1.1: a bare `yes`, `on` or `2001-01-01` is a string here and no string
 * there. Nothing is lost by it: our API has hardly a boolean, the cluster refuses such a value, and JSON is read
 * exactly. Merge keys (`<<`) are 1.1 too, but people use them, so they are understood.
 *
 * Duplicate keys, aliases and merge keys are resolved here and not by the package: its check for duplicates takes
 * quadratic time, and its bound on aliases does not count aliases of empty collections.
 */
const options = {
  schema: 'core',
  resolveKnownTags: false,
  stringKeys: true,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'error',
} as const;

/**
 * Reads all documents of a text. A document with an error is left out and says so; the others count. Never throws.
 */
export function readYaml(text: string): {
  readonly documents: readonly YamlDocument[];
  readonly errors: readonly YamlError[];
} {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { ...options, lineCounter: lines });
  const documents: YamlDocument[] = [];
  const errors: YamlError[] = [];
  for (const document of parsed) {
    const { value, lineByPath, faults } = readDocument(document, lines);
    if (faults.length === 0) documents.push({ value, lineOf: (path) => findLine(lineByPath, path) });
    else errors.push(describeFaults(faults, lines));
  }
  return { documents, errors };
}

interface Fault {
  readonly offset: number;
  readonly message: string;
}

interface Reading {
  readonly lines: LineCounter;
  readonly lineByPath: Map<string, number>;
  readonly faults: Fault[];
  /** Holds only what is complete, so an alias inside its own anchor is unknown and no value is circular. */
  readonly anchors: Map<string, unknown>;
  aliasedLength: number;
}

interface Tree extends Pick<Reading, 'lineByPath' | 'faults'> {
  readonly value: unknown;
}

function readDocument(document: Document.Parsed, lines: LineCounter): Tree {
  // A tag that nobody resolved is only a warning to the package; the value would not be what its author meant.
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    offset: pos[0],
    message,
  }));
  const reading: Reading = { lines, lineByPath: new Map(), faults, anchors: new Map(), aliasedLength: 0 };
  const value = faults.length === 0 ? readNode(document.contents, '', maxDepth, reading) : undefined;
  return { value, lineByPath: reading.lineByPath, faults };
}

/** The first fault is the cause of most others, so it is told and they are counted. */
function describeFaults(faults: readonly Fault[], lines: LineCounter): YamlError {
  const [first = { offset: 0, message: 'unknown' }] = faults;
  const { line, col } = lines.linePos(first.offset);
  const others = faults.length === 1 ? '' : `, and ${faults.length - 1} more in this document`;
  return { line, message: `not valid YAML: ${first.message} (column ${col})${others}` };
}

function readNode(node: unknown, path: string, depth: number, reading: Reading): unknown {
  noteLine(node, path, reading);
  if (depth === 0) return fail(node, `nested deeper than ${maxDepth} levels`, reading);
  if (isAlias(node)) return readAlias(node, node.source, reading);
  const value = readContent(node, path, depth, reading);
  if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
    reading.anchors.set(node.anchor, value);
  }
  return value;
}

function readContent(node: unknown, path: string, depth: number, reading: Reading): unknown {
  if (isMap(node)) return readMap(node, path, depth, reading);
  if (isSeq(node)) return node.items.map((item, i) => readNode(item, `${path}[${i}]`, depth - 1, reading));
  if (!isScalar(node)) return null;
  if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
    return fail(node, `${node.source} is not a number that JSON can hold`, reading);
  }
  return node.value;
}

function readMap(map: YAMLMap, path: string, depth: number, reading: Reading): unknown {
  const members = new Map<string, unknown>();
  const merged: (readonly unknown[])[] = [];
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const memberPath = path === '' ? name : `${path}.${name}`;
    noteLine(key, memberPath, reading);
    const member = readNode(value, memberPath, depth - 1, reading);
    if (members.has(name)) fail(key, `the key "${name}" is given twice in one mapping`, reading);
    if (isMergeKey(key)) merged.push(checkMergeSources(key, member, reading));
    else members.set(name, member);
  }
  // The first to name a key wins: the mapping itself, then its sources in their order (yaml.org/type/merge).
  for (const [name, value] of merged.flat().flatMap((source) => Object.entries(source as object))) {
    if (!members.has(name)) members.set(name, value);
  }
  return Object.fromEntries(members);
}

function isMergeKey(key: Pair['key']): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

function checkMergeSources(key: unknown, value: unknown, reading: Reading): readonly unknown[] {
  const sources = Array.isArray(value) ? value : [value];
  const areMappings = sources.every((one) => one !== null && typeof one === 'object' && !Array.isArray(one));
  if (areMappings) return sources;
  fail(key, 'the merge key << takes an alias of a mapping, or a list of them', reading);
  return [];
}

function readAlias(node: unknown, name: string, reading: Reading): unknown {
  if (!reading.anchors.has(name)) return fail(node, `the alias *${name} has no anchor before it`, reading);
  const value = reading.anchors.get(name);
  if (reading.aliasedLength <= maxAliasedLength) reading.aliasedLength += JSON.stringify(value).length;
  if (reading.aliasedLength > maxAliasedLength) return fail(node, 'aliases repeat more than 1 MiB', reading);
  return value;
}

function fail(node: unknown, message: string, reading: Reading): null {
  reading.faults.push({ offset: offsetOf(node) ?? 0, message });
  return null;
}

/** The line of a member is that of its key, which is noted before its value. */
function noteLine(node: unknown, path: string, { lineByPath, lines }: Reading): void {
  const offset = offsetOf(node);
  if (offset === undefined || path.length > maxPathLength || lineByPath.has(path)) return;
  lineByPath.set(path, lines.linePos(offset).line);
}

function offsetOf(node: unknown): number | undefined {
  const { range } = (node ?? {}) as { readonly range?: readonly number[] | null };
  return range?.[0];
}

function findLine(lineByPath: ReadonlyMap<string, number>, path: string): number {
  let known = path;
  while (known !== '' && !lineByPath.has(known)) {
    known = known.slice(0, Math.max(known.lastIndexOf('.'), known.lastIndexOf('['), 0));
  }
  return lineByPath.get(known) ?? 1;
}
