import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clockOffsetSeconds } from '../../operator/controller/clock-offset.ts';

const noonMs = Date.parse('2026-11-24T12:00:00Z');
const noon = 'Tue, 24 Nov 2026 12:00:00 GMT';

describe('the offset of the clock', () => {
  it.each([
    ['the same in the middle of the second', noonMs + 500, 0, 0],
    ['ten minutes ahead', noonMs + 600_500, 0, 600],
    ['ten minutes behind', noonMs - 599_500, 0, -600],
    ['the same in the middle of a long exchange', noonMs + 4500, 8000, 0],
  ])('is told: %s', (_, receivedMs, tookMs, expected) => {
    expect(clockOffsetSeconds({ date: noon, receivedMs, tookMs })).toBe(expected);
  });

  it('is wrong by at most half a second and half of the exchange, whenever in it the date was set', () => {
    const day = 86_400_000;
    fc.assert(
      fc.property(
        fc.integer({ min: noonMs, max: noonMs + day }),
        fc.integer({ min: -day, max: day }),
        fc.nat({ max: 10_000 }),
        fc.nat({ max: 10_000 }),
        (saidMs, aheadMs, beforeMs, afterMs) => {
          const date = new Date(saidMs).toUTCString();
          const tookMs = beforeMs + afterMs;
          const seconds = clockOffsetSeconds({ date, receivedMs: saidMs + afterMs + aheadMs, tookMs });
          expect(Math.abs((seconds ?? Number.NaN) * 1000 - aheadMs)).toBeLessThan(501 + tookMs / 2);
        },
      ),
    );
  });

  it.each([
    undefined,
    '',
    'Invalid Date',
    `${noon}, ${noon}`,
    `${noon} `,
    '2026-11-24T12:00:00Z',
    `${noonMs}`,
    'Tue, 24 Nov 2026 12:00:00 +0000',
    'Tue, 24 Nov 2026 12:00:00',
    'Mon, 24 Nov 2026 12:00:00 GMT',
    'Tue, 31 Nov 2026 12:00:00 GMT',
    'Tue, 24 Nov 2026 12:00:60 GMT',
    'Tuesday, 24-Nov-26 12:00:00 GMT',
    'Tue Nov 24 12:00:00 2026',
    'Mon, 01 Jan 0001 00:00:00 GMT',
  ])('is not known by the date %j', (date) => {
    expect(clockOffsetSeconds({ date, receivedMs: noonMs, tookMs: 0 })).toBeUndefined();
  });
});
