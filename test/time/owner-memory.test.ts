import { expect, test } from 'vitest';
import { createOwnerMemory } from '../../operator/time/owner-memory.ts';

test('those of whom there is something to remember are kept, however many; the others are not', () => {
  const memory = createOwnerMemory<number>((owes) => owes === 0);
  for (let index = 0; index < 1_000; index += 1) memory.set(`owes-${index}`, 1);
  for (let index = 0; index < 10_000; index += 1) memory.set(`once-${index}`, 0);
  expect(memory.get('owes-0')).toBe(1);
  expect(memory.get('owes-999')).toBe(1);
  expect(memory.size()).toBeLessThanOrEqual(2_048);
  for (let index = 0; index < 1_000; index += 1) memory.set(`owes-${index}`, 0);
  for (let index = 0; index < 10_000; index += 1) memory.set(`later-${index}`, 0);
  expect(memory.size()).toBeLessThanOrEqual(16);
});
