import { readConditions } from './condition-lines.ts';
import type { Crd } from './crd.ts';
import { patternWords } from './pattern-words.ts';
import { type ObjectSchema, type Schema, walk } from './schema.ts';

/** Writes `docs/reference.md`: every field with its constraints, rules and meaning, the conditions, the columns. */
export function writeReference(crd: Crd): string {
  const required = requiredPaths(crd);
  return `${[
    '<!-- Generated from crds/mcpauthpolicies.yaml by `npm run generate`; do not edit. -->',
    `# ${crd.kind} reference`,
    plain(crd.description),
    kindTable(crd),
    '## Spec',
    ...[...walk(crd.spec)].flatMap((schema) => describeField(schema, required)),
    '## Status',
    ...[...walk(crd.status)].flatMap((schema) => describeField(schema, required)),
    '## Conditions and their reasons',
    ...describeConditions(crd),
    '## Columns of `kubectl get`',
    table(
      ['Column', 'Shows'],
      crd.printerColumns.map(({ name, jsonPath }) => [name, code(jsonPath)]),
    ),
  ].join('\n\n')}\n`;
}

function kindTable(crd: Crd): string {
  return table(
    ['Property', 'Value'],
    [
      ['apiVersion', code(`${crd.group}/${crd.version}`)],
      ['kind', code(crd.kind)],
      ['scope', crd.scope],
      ['plural', code(crd.plural)],
      ['short names', crd.shortNames.map(code).join(', ')],
      ['categories', crd.categories.map(code).join(', ')],
    ],
  );
}

function describeField(schema: Schema, required: ReadonlySet<string>): readonly string[] {
  const rules = schema.rules.map(({ rule, message }) => `- ${plain(message)}\n  ${code(rule)}`);
  const facts = [
    typeOf(schema),
    ...(required.has(schema.path) ? ['required'] : []),
    ...constraintsOf(schema),
  ];
  return [
    `### ${code(schema.path)}`,
    `${facts.join('; ')}.`,
    ...(schema.description === '' ? [] : [plain(describe(schema))]),
    ...(rules.length === 0 ? [] : [`Rules:\n\n${rules.join('\n')}`]),
  ];
}

/** Gives the description; the lists of condition types and reasons are a section of their own. */
function describe({ description }: Schema): string {
  return description.replace(
    /(\n- .*)+/,
    ' see [Conditions and their reasons](#conditions-and-their-reasons).',
  );
}

function typeOf(schema: Schema): string {
  if (schema.type !== 'array') {
    return schema.type;
  }
  const kinds = {
    atomic: 'list',
    set: 'set',
    map: `list with unique ${schema.mapKeys.map(code).join(', ')}`,
  };
  return `${kinds[schema.listType]} of ${schema.items.type}s`;
}

function constraintsOf(schema: Schema): readonly string[] {
  const texts = ownConstraints(schema);
  if (schema.defaultValue !== undefined) {
    texts.push(`default ${code(JSON.stringify(schema.defaultValue))}`);
  }
  return texts;
}

function ownConstraints(schema: Schema): string[] {
  switch (schema.type) {
    case 'string':
      return [
        ...(schema.enum === undefined ? [] : [`one of ${schema.enum.map(code).join(', ')}`]),
        ...range(schema.minLength, schema.maxLength, ' characters'),
        ...(schema.format === undefined ? [] : [`format ${code(schema.format)}`]),
        ...(schema.pattern === undefined ? [] : [`${words(schema.pattern)}pattern ${code(schema.pattern)}`]),
      ];
    case 'integer':
      return range(schema.minimum, schema.maximum, '');
    case 'array':
      return range(schema.minItems, schema.maxItems, ' items');
    case 'object':
      return [];
  }
}

function words(pattern: string): string {
  const meaning = patternWords.get(pattern);
  return meaning === undefined ? '' : `${meaning}; `;
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  if (most === undefined) {
    return least === undefined ? [] : [`at least ${least}${unit}`];
  }
  return [least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`];
}

function describeConditions(crd: Crd): readonly string[] {
  return readConditions(crd).flatMap(({ type, meaning, reasons }) => [
    `### ${type}`,
    plain(meaning),
    reasons.length === 0
      ? 'Its reason is the reason of the most severe cause.'
      : table(
          ['Reason', 'Meaning'],
          reasons.map((reason) => [code(reason.name), plain(reason.meaning)]),
        ),
  ]);
}

function requiredPaths(crd: Crd): ReadonlySet<string> {
  const objects = [...walk(crd.spec), ...walk(crd.status)].filter(
    (schema): schema is ObjectSchema => schema.type === 'object',
  );
  return new Set([
    'spec',
    ...objects.flatMap(({ path, required }) => [...required].map((name) => `${path}.${name}`)),
  ]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** Gives a code span; its fence is longer than any run of backticks inside. */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return `${fence}${space}${text}${space}${fence}`;
}

/** Keeps `<` and `*` outside of code spans from becoming markup. */
function plain(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/[<*]/g, '\\$&')))
    .join('');
}
