import { expect, test } from 'vitest';
import { createDecisionLog } from '../../operator/commands/decision-log.ts';
import type { CompiledPolicy } from '../../operator/policy/snapshot.ts';
import type { DecisionLabels } from '../../operator/telemetry/endpoint-metrics.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const policy = { namespace: 'a', name: 'x', verifier: { mode: 'OIDC' } } as CompiledPolicy;
const denying: CompiledPolicy = { ...policy, verifier: { mode: 'deny' } };

function create() {
  let nowMs = 0;
  const log = recordLog();
  const counted: DecisionLabels[] = [];
  const clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => () => undefined };
  const onDecision = createDecisionLog({
    log,
    clock,
    metrics: { countDecision: (labels) => counted.push(labels) },
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
  onDecision('admitted', policy);
  onDecision('token_expired', policy);
  expect(counted).toEqual([
    { mode: 'OIDC', reason: 'admitted' },
    { mode: 'OIDC', reason: 'token_expired' },
  ]);
  expect(log.lines).toEqual([
    { level: 'info', message: 'request refused', fields: { reason: 'token_expired', policy: 'a/x' } },
  ]);
});

test('a policy that denies, and no policy at all, are counted as such', () => {
  const { onDecision, log, counted } = create();
  onDecision('policy_denies', denying);
  onDecision('path_not_found', undefined);
  expect(counted).toEqual([
    { mode: 'deny', reason: 'policy_denies' },
    { mode: 'none', reason: 'path_not_found' },
  ]);
  expect(log.lines.map(({ fields }) => fields.policy)).toEqual(['a/x', undefined]);
});

test('the metric has these two labels and no other', async () => {
  const metrics = createMetrics('1.2.3');
  metrics.countDecision({ mode: 'OIDC', reason: 'token_expired' });
  expect(await metrics.render()).toMatch(
    /^mcp_auth_decisions_total\{mode="OIDC",reason="token_expired"\} 1$/m,
  );
});

test('callers cannot fill the log: everything is counted, little is written', () => {
  const { onDecision, log, counted, pass } = create();
  for (let index = 0; index < 10_000; index += 1) onDecision('token_malformed', policy);
  expect(counted).toHaveLength(10_000);
  expect(log.lines).toHaveLength(20);
  pass(3_000);
  for (let index = 0; index < 100; index += 1) onDecision('token_malformed', policy);
  expect(log.lines).toHaveLength(23);
});

test('decisions are counted by policy where it is wanted, and what was counted goes when it is not any more', async () => {
  const metrics = createMetrics('1.2.3');
  const byPolicy = 'mcp_auth_policy_decisions_total{namespace="a",policy="x",reason="token_expired"} 1';
  const count = (): void => metrics.countDecision({ mode: 'OIDC', reason: 'token_expired' }, policy);
  count();
  expect(await metrics.render()).not.toContain('mcp_auth_policy_decisions_total{');
  metrics.countByPolicy(true);
  count();
  metrics.countDecision({ mode: 'none', reason: 'path_not_found' });
  expect(await metrics.render()).toContain(byPolicy);
  metrics.countByPolicy(false);
  expect(await metrics.render()).not.toContain('mcp_auth_policy_decisions_total{');
});
