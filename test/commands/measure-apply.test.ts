import { expect, test } from 'vitest';
import { measureApply } from '../../operator/commands/measure-apply.ts';
import type { Compilation } from '../../operator/policy/compile.ts';
import type { Inputs } from '../../operator/policy/inputs.ts';
import { createFakeClock } from '../fixtures/fake-clock.ts';

const [inputs, compilation] = [{} as Inputs, {} as Compilation];

test('what puts inputs in force is timed, and a bug in it is counted and thrown on', () => {
  const clock = createFakeClock();
  const noted: unknown[][] = [];
  const metrics = { noteReconcile: (...args: unknown[]) => void noted.push(args) };
  const good = measureApply(
    () => {
      clock.advance(250);
      return compilation;
    },
    { clock, metrics },
  );
  expect(good(inputs)).toBe(compilation);
  const bad = measureApply(
    () => {
      throw new TypeError('a bug');
    },
    { clock, metrics },
  );
  expect(() => bad(inputs)).toThrow('a bug');
  expect(noted).toEqual([
    ['snapshot', 'success', 0.25],
    ['snapshot', 'panic', 0],
  ]);
});
