import { expect, test } from 'vitest';
import { restAfter } from '../../operator/time/rest.ts';

test.each([
  [0, 0],
  [50, 200],
  [500, 2_000],
  // A process that stood still.
  [20_000, 2_000],
])('after %i ms of work comes a rest of %i ms', (workMs, restMs) => {
  expect(restAfter(workMs)).toBe(restMs);
});
