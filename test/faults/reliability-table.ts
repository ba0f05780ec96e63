import { readFile, writeFile } from 'node:fs/promises';
import { withLock } from '../cluster/lock.ts';

/** A row of the fault matrix, and what became of it. */
export interface MeasuredRow {
  readonly id: string;
  readonly fault: string;
  readonly promised: string;
  readonly measured: string;
}

const begin = '<!-- measured rows: begin -->';
const end = '<!-- measured rows: end -->';
const ignore = (): void => undefined;

/** Prints a row, and puts it in the table of the file that RELIABILITY_REPORT names, if it does. */
export async function tell(row: MeasuredRow): Promise<void> {
  process.stdout.write(`${row.id}: ${row.measured}\n`);
  const file = process.env.RELIABILITY_REPORT;
  if (file === undefined) return;
  // Rows of another worker may be put there at the same time.
  await withLock(`${file}.lock`, ignore, async () => {
    await writeFile(file, putRow(await readFile(file, 'utf8'), row));
  });
}

/**
 * Replaces the row of the same id in the table between the two marks, or adds it, rows in the order of their ids.
 *
 * @throws when the text has no such marks
 */
export function putRow(markdown: string, row: MeasuredRow): string {
  const [before, rest] = markdown.split(begin);
  const [table, after] = rest?.split(end) ?? [];
  if (before === undefined || table === undefined || after === undefined) {
    throw new Error(`there is no table between ${begin} and ${end}`);
  }
  const [, header = '', rule = '', ...rows] = table.split('\n');
  const isOther = (line: string): boolean => line !== '' && !line.startsWith(`| ${row.id} |`);
  const line = `| ${row.id} | ${row.fault} | ${row.promised} | ${row.measured} |`;
  const sorted = [...rows.filter(isOther), line].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return [before + begin, header, rule, ...sorted, end + after].join('\n');
}
