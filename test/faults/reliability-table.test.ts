import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { countAnswers } from './load.ts';
import { putRow } from './reliability-table.ts';

const row = (id: string, measured: string) => ({ id, fault: 'f', promised: 'p', measured });
const empty = [
  'before',
  '<!-- measured rows: begin -->',
  '| row | fault | promised | measured |',
  '|---|---|---|---|',
  '<!-- measured rows: end -->',
  'after',
  '',
].join('\n');

test('rows are put in the order of their ids, and replaced', () => {
  const first = ['K10', 'K2', 'P1'].reduce((text, id) => putRow(text, row(id, 'once')), empty);
  expect(putRow(first, row('K2', 'twice')).split('\n')).toEqual([
    ...empty.split('\n').slice(0, 4),
    ...['| K2 | f | p | twice |', '| K10 | f | p | once |', '| P1 | f | p | once |'],
    ...empty.split('\n').slice(4),
  ]);
});

test('a text without a table is not written over', () => {
  expect(() => putRow('text', row('K1', ''))).toThrow('there is no table');
});

test('no row is lost when two processes tell theirs at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-table-'));
  const file = join(folder, 'report.md');
  const table = pathToFileURL(join(import.meta.dirname, 'reliability-table.ts'));
  const tellMany = (prefix: string) => {
    const program = `
      import { tell } from '${table}';
      for (let index = 10; index < 40; index += 1)
        await tell({ id: '${prefix}' + index, fault: 'f', promised: 'p', measured: 'm' });
    `;
    const env = { ...process.env, RELIABILITY_REPORT: file };
    return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { env });
  };
  try {
    writeFileSync(file, empty);
    await Promise.all(['K', 'P'].map(tellMany));
    const ids = readFileSync(file, 'utf8').matchAll(/^\| ([KP]\d+) \|/gm);
    expect([...ids]).toHaveLength(60);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('only a good token that is let in and others that are not are as they should be', () => {
  const answers = [
    'good one 200',
    'good one 503',
    'good two ECONNREFUSED',
    'bad one 401',
    'bad two 200',
    'good one lost:ECONNRESET',
  ];
  expect(countAnswers([...answers, 'foreign one 200', 'good one 200'])).toEqual({
    sent: 8,
    answers: new Map(
      [...answers, 'foreign one 200'].map((answer) => [answer, answer === answers[0] ? 2 : 1]),
    ),
    wrongAccepts: ['bad two 200', 'foreign one 200'],
    failedGood: ['good one 503', 'good two ECONNREFUSED'],
    lostGood: ['good one lost:ECONNRESET'],
  });
});
