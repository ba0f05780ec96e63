import { expect, test } from 'vitest';
import { createAccessLog } from '../../operator/commands/access-log.ts';
import type { ExchangeRecord } from '../../operator/http/exchange/exchange-record.ts';
import { createFakeClock } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const refused: ExchangeRecord = {
  reason: 'token_expired',
  policy: 'a/x',
  method: 'POST',
  status: 401,
  decisionSeconds: 0.00012345678,
  headSeconds: 0.0002,
  seconds: 0.0002,
  isCut: false,
};
const admitted: ExchangeRecord = { ...refused, reason: 'admitted', status: 200 };

function create(admittedOneIn: number, chance = 0) {
  const log = recordLog();
  const clock = createFakeClock();
  const drawn = { chance, admittedOneIn };
  const accessLog = createAccessLog({
    ...{ log, clock, random: () => drawn.chance },
    admittedOneIn: () => drawn.admittedOneIn,
  });
  return { log, clock, drawn, ...accessLog };
}

function repeat(times: number, task: () => void): void {
  for (let index = 0; index < times; index += 1) task();
}

test('a refusal is one line, whatever is sampled', () => {
  const { note, log } = create(0, 0.999);
  note(refused);
  expect(log.lines).toEqual([
    {
      level: 'info',
      message: 'access',
      fields: {
        reason: 'token_expired',
        policy: 'a/x',
        method: 'POST',
        status: 401,
        decisionSeconds: 0.000123,
        headSeconds: 0.0002,
        seconds: 0.0002,
      },
    },
  ]);
});

test('an admission says what was asked for, by whom that is known, and whether the answer was cut', () => {
  const { note, log } = create(1);
  const call = { rpcMethod: 'tools/call', tool: 'search', toldBy: 'headers' } as const;
  note({ ...admitted, seconds: 3600, call, traceId: 'f'.repeat(32), isCut: true });
  expect(log.lines[0]?.fields).toMatchObject({ ...call, traceId: 'f'.repeat(32), seconds: 3600, cut: true });
});

test('one that was let in and failed has a line, whatever is sampled, but not without end', () => {
  const { note, log } = create(0, 0.999);
  note({ ...admitted, status: 502, failure: 'refused' });
  expect(log.lines[0]?.fields).toMatchObject({ reason: 'admitted', status: 502, upstream: 'refused' });
  note({ ...admitted, status: 500 });
  expect(log.lines).toHaveLength(2);
  repeat(100, () => note({ ...admitted, status: 500 }));
  expect(log.lines).toHaveLength(20);
});

test('a request whose client has left, and that nothing is known of, has fewer fields', () => {
  const { note, log } = create(1);
  note({ reason: 'path_not_found', method: 'GET', decisionSeconds: 0, seconds: 0, isCut: false });
  expect(JSON.parse(JSON.stringify(log.lines[0]?.fields))).toEqual({
    reason: 'path_not_found',
    method: 'GET',
    decisionSeconds: 0,
    seconds: 0,
  });
});

test('of what is let in, chance takes one in so many; the number can be changed', () => {
  const { note, log, drawn } = create(100, 0.0099);
  note(admitted);
  expect(log.lines).toHaveLength(1);
  drawn.chance = 0.01;
  note(admitted);
  note({ ...admitted, reason: 'metadata' });
  note({ ...admitted, reason: 'preflight' });
  expect(log.lines).toHaveLength(1);
  drawn.admittedOneIn = 99;
  note(admitted);
  expect(log.lines).toHaveLength(2);
  drawn.admittedOneIn = 0;
  drawn.chance = 0;
  note(admitted);
  expect(log.lines).toHaveLength(2);
});

test('one in one is every one, however many', () => {
  const { note, log } = create(1, 0.999999);
  repeat(1000, () => note(admitted));
  expect(log.lines).toHaveLength(1000);
});

test('callers without a good token cannot fill the log, and it says how much it leaves out', () => {
  const { note, log, clock } = create(1);
  repeat(10_000, () => note(refused));
  repeat(10_000, () => note({ ...admitted, reason: 'metadata' }));
  expect(log.lines).toHaveLength(40);
  clock.advance(3_000);
  repeat(100, () => note(refused));
  expect(log.lines).toHaveLength(43);
  clock.advance(57_000);
  expect(log.lines.slice(43)).toEqual([
    {
      level: 'info',
      message: 'access lines left out',
      fields: { reason: 'token_expired', count: 9_980 + 97 },
    },
    { level: 'info', message: 'access lines left out', fields: { reason: 'metadata', count: 9_980 } },
  ]);
  clock.advance(600_000);
  expect(log.lines).toHaveLength(45);
  repeat(25, () => note(refused));
  clock.advance(60_000);
  expect(log.lines).toHaveLength(45 + 20 + 1);
  expect(log.lines.at(-1)?.fields).toEqual({ reason: 'token_expired', count: 5 });
});

test('a flood of one reason leaves the lines of the others alone', () => {
  const { note, log } = create(1);
  repeat(1000, () => note(refused));
  note({ ...refused, reason: 'signature_invalid' });
  expect(log.lines.at(-1)?.fields.reason).toBe('signature_invalid');
});

test('a record with more than it may hold does not get more into the log', () => {
  const { note, log } = create(1);
  const more = { authorization: 'canary', body: 'canary', target: '/?canary' };
  const call = { rpcMethod: 'tools/call', toldBy: 'body', arguments: 'canary' } as const;
  note({ ...admitted, ...more, call });
  note({ ...refused, ...more, call });
  expect(log.lines).toHaveLength(2);
  expect(JSON.stringify(log.lines)).not.toContain('canary');
});
