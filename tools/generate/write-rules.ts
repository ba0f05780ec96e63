import type { Crd } from './crd.ts';
import { walk } from './schema.ts';
import { finishSource, quote, startSource, writeDoc } from './source-writer.ts';

/** Writes `rules.gen.ts`: every CEL rule of the spec, so that a test can hold the twins in `rules.ts` to them. */
export function writeRules(crd: Crd): string {
  const writer = startSource();
  writeDoc(writer, 'Every CEL rule of the spec; the items of a list are `[]` in the path.');
  writer.writeLine('export const CEL_RULES = [').indent(() => {
    for (const { path, rules } of walk(crd.spec)) {
      for (const { rule, message } of rules) {
        writer.write('').inlineBlock(() => {
          writer.writeLine(`path: ${quote(path)},`);
          writer.writeLine(`rule: ${quote(rule)},`);
          writer.writeLine(`message: ${quote(message)},`);
        });
        writer.write(',').newLine();
      }
    }
  });
  writer.writeLine('] as const;');
  return finishSource(writer);
}
