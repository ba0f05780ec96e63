import { expect, test } from 'vitest';
import { createDecisionLog } from '../../operator/commands/decision-log.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

function create() {
  let nowMs = 0;
  const log = recordLog();
  const counted: string[] = [];
  const clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => () => undefined };
  const onDecision = createDecisionLog({
    log,
    clock,
    metrics: { countDecision: (reason) => counted.push(reason) },
  });
  return {
    onDecision,
    log,
    counted,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a refusal is one line with its reason and policy; an admission is none', () => {
  const { onDecision, log, counted } = create();
  onDecision('admitted', 'a/x');
  onDecision('token_expired', 'a/x');
  expect(counted).toEqual(['admitted', 'token_expired']);
  expect(log.lines).toEqual([
    { level: 'info', message: 'request refused', fields: { reason: 'token_expired', policy: 'a/x' } },
  ]);
});

test('callers cannot fill the log: everything is counted, little is written', () => {
  const { onDecision, log, counted, pass } = create();
  for (let index = 0; index < 10_000; index += 1) onDecision('token_malformed', 'a/x');
  expect(counted).toHaveLength(10_000);
  expect(log.lines).toHaveLength(20);
  pass(3_000);
  for (let index = 0; index < 100; index += 1) onDecision('token_malformed', 'a/x');
  expect(log.lines).toHaveLength(23);
});
