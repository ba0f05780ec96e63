import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { otherOutcomes } from '../../operator/http/decision-reason.ts';
import { denials } from '../../operator/verify/denial.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/denials.md'), 'utf8');
const [denialTable = '', otherTable = ''] = page.split('Other outcomes');

test('docs/denials.md and the code list the same denials, with the same status and code', () => {
  const rows = [...denialTable.matchAll(/^\| `([a-z_]+)` \| (\d+) \| (none|`[a-z_]+`) \|/gm)].map(
    ([, reason, status, code]) => [reason, Number(status), code?.replaceAll('`', '')],
  );
  const expected = Object.entries(denials).map(([reason, denial]) => [
    reason,
    denial.status,
    'error' in denial ? denial.error : 'none',
  ]);
  expect(rows).toEqual(expected);
});

test('and the same other outcomes', () => {
  const rows = [...otherTable.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) =>
    cell.replaceAll('`', '').split(', '),
  );
  expect(rows.toSorted()).toEqual([...otherOutcomes].toSorted());
});

test('descriptions can stand in a quoted string of a challenge', () => {
  for (const { description } of Object.values(denials)) expect(description).toMatch(/^[\w ,;.'-]+$/);
});
