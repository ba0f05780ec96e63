import type { Crd } from './crd.ts';
import type { Schema } from './schema.ts';

/** A word of the closed list of reasons, and when it is used. */
export interface ReasonLine {
  readonly name: string;
  readonly meaning: string;
}

/** A condition type, what true means, and its own reasons in the order of the CRD. */
export interface ConditionLine {
  readonly type: string;
  readonly meaning: string;
  readonly reasons: readonly ReasonLine[];
}

const typeLine = /^- (?<type>[A-Z][A-Za-z]*): (?<meaning>.*\.)$/;
const reasonLine = /^- (?<type>[A-Z][A-Za-z]*)\/(?<reason>[A-Z][A-Za-z]*): (?<meaning>.*\.)$/;

/**
 * Reads the condition types and reasons from the descriptions of `status.conditions[].type` and `.reason`: the lines
 * that start with a hyphen.
 *
 * @throws on a line that does not fit, is there twice, or gives a reason to an unknown type
 */
export function readConditions(crd: Crd): readonly ConditionLine[] {
  const conditions = crd.status.properties.get('conditions');
  const members =
    conditions?.type === 'array' && conditions.items.type === 'object'
      ? conditions.items.properties
      : undefined;
  const types = readLines(members?.get('type'), typeLine, '- Type: sentence.');
  const reasons = readLines(members?.get('reason'), reasonLine, '- Type/Reason: sentence.');
  for (const { line, type } of reasons) {
    if (!types.some((known) => known.type === type)) {
      throw new Error(`status.conditions[].reason: ${type} is not a condition type, in the line ${line}`);
    }
  }
  return types.map(({ type, meaning }) => ({
    type,
    meaning,
    reasons: reasons
      .filter((reason) => reason.type === type)
      .map((reason) => ({ name: reason.reason, meaning: reason.meaning })),
  }));
}

interface Line {
  readonly line: string;
  readonly type: string;
  readonly reason: string;
  readonly meaning: string;
}

function readLines(schema: Schema | undefined, grammar: RegExp, shape: string): readonly Line[] {
  const seen = new Set<string>();
  return (schema?.description ?? '')
    .split('\n')
    .filter((line) => line.startsWith('-'))
    .map((line) => {
      const { type = '', reason = '', meaning = '' } = grammar.exec(line)?.groups ?? {};
      if (type === '') {
        throw new Error(`${schema?.path}: the line ${JSON.stringify(line)} must look like "${shape}"`);
      }
      const name = `${type}/${reason}`;
      if (seen.has(name)) {
        throw new Error(`${schema?.path}: the line ${JSON.stringify(line)} is there twice`);
      }
      seen.add(name);
      return { line, type, reason, meaning };
    });
}
