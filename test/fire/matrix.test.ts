import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rowIds } from './matrix.ts';

/** The first argument of each call that makes a test of a row: `row('I1', …)`, `fault('I1', …)` and the like. */
const rowCall = /^ *\w+\(\s*'([IT][0-9]+)',/gm;

test('each row of the matrix has a test of its name', () => {
  const texts = globSync('*.test.ts', { cwd: import.meta.dirname }).map((path) =>
    readFileSync(`${import.meta.dirname}/${path}`, 'utf8'),
  );
  const found = texts.flatMap((text) => [...text.matchAll(rowCall)].map(([, id]) => id));
  expect(new Set(found)).toEqual(new Set(rowIds));
});
