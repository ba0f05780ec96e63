import { readConditions } from './condition-lines.ts';
import type { Crd } from './crd.ts';
import { finishSource, quote, startSource, writeDoc } from './source-writer.ts';

/**
 * Writes `conditions.gen.ts`: the closed lists of condition types and of the reasons of each.
 *
 * A type with fewer than two reasons cannot tell true from false by them: when it speaks of others, it borrows theirs.
 */
export function writeConditions(crd: Crd): string {
  const conditions = readConditions(crd);
  const borrowing = conditions.filter(({ reasons }) => reasons.length < 2).map(({ type }) => quote(type));
  const writer = startSource();
  writeDoc(writer, 'Every condition type, in the order in which they are shown.');
  writer
    .write('export const CONDITION_TYPES = [')
    .newLine()
    .indent(() => {
      for (const { type, meaning } of conditions) {
        writeDoc(writer, meaning);
        writer.writeLine(`${quote(type)},`);
      }
    });
  writer.writeLine('] as const;').blankLine();
  writer.writeLine('export type ConditionType = (typeof CONDITION_TYPES)[number];').blankLine();
  writeDoc(writer, 'The reasons that each condition type has of its own.');
  writer.write('export const REASONS = ').inlineBlock(() => {
    for (const { type, reasons } of conditions) {
      if (reasons.length === 0) {
        writer.writeLine(`${type}: [],`);
        continue;
      }
      writer.writeLine(`${type}: [`).indent(() => {
        for (const { name, meaning } of reasons) {
          writeDoc(writer, meaning);
          writer.writeLine(`${quote(name)},`);
        }
      });
      writer.writeLine('],');
    }
  });
  writer.write(' as const;').newLine().blankLine();
  writer.writeLine('export type Reason = (typeof REASONS)[ConditionType][number];').blankLine();
  writeDoc(writer, 'The reasons a condition of this type can have; one that sums up others can have theirs.');
  writer.writeLine('export type ReasonOf<T extends ConditionType> =');
  writer.writeLine(`  T extends ${borrowing.join(' | ')} ? Reason : (typeof REASONS)[T][number];`);
  return finishSource(writer);
}
