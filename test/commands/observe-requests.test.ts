import { expect, test } from 'vitest';
import { observeRequests } from '../../operator/commands/observe-requests.ts';
import type { ExchangeRecord } from '../../operator/http/exchange/exchange-record.ts';
import type { CompiledPolicy } from '../../operator/policy/snapshot.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { scrape } from '../fixtures/scrape.ts';

const policy = { namespace: 'a', name: 'x', verifier: { mode: 'OIDC' } } as CompiledPolicy;
const denying: CompiledPolicy = { ...policy, verifier: { mode: 'deny' } };

function create() {
  const metrics = createMetrics('1.2.3');
  const noted: unknown[] = [];
  const written: ExchangeRecord[] = [];
  const observer = observeRequests({
    metrics,
    callers: { note: (...args) => void noted.push(args) },
    accessLog: { note: (record) => void written.push(record) },
  });
  return { metrics, noted, written, ...observer };
}

test('a decision is counted and timed by mode, whether by a policy, one that denies, or none', async () => {
  const { metrics, noted, onDecision } = create();
  onDecision('token_expired', policy, 0.2);
  onDecision('policy_denies', denying, 0.2);
  onDecision('path_not_found', undefined, 0.2);
  const { read } = await scrape(metrics);
  for (const labels of [
    'mode="OIDC",reason="token_expired"',
    'mode="deny",reason="policy_denies"',
    'mode="none",reason="path_not_found"',
  ]) {
    expect(read(`mcp_auth_decisions_total{${labels}}`), labels).toBe(1);
  }
  for (const mode of ['OIDC', 'deny', 'none'])
    expect(read(`mcp_auth_decision_duration_seconds_sum{mode="${mode}"}`)).toBe(0.2);
  expect(noted).toEqual([
    ['token_expired', policy],
    ['policy_denies', denying],
    ['path_not_found', undefined],
  ]);
});

test('the answer of an admitted request is timed, and its record goes to the access log', async () => {
  const { metrics, written, onAnswer, onEnd } = create();
  const record: ExchangeRecord = {
    reason: 'admitted',
    method: 'POST',
    decisionSeconds: 0,
    seconds: 1,
    isCut: false,
  };
  onAnswer('builtin', 200, 0.5);
  onEnd(record);
  const { read } = await scrape(metrics);
  expect(read('mcp_auth_request_duration_seconds_sum{backend="builtin",outcome="answered"}')).toBe(0.5);
  expect(written).toEqual([record]);
});

test('decisions are counted by policy where it is wanted, and what was counted goes when it is not any more', async () => {
  const { metrics, onDecision } = create();
  const byPolicy = 'mcp_auth_policy_decisions_total{namespace="a",policy="x",reason="token_expired"} 1';
  onDecision('token_expired', policy, 0);
  expect(await metrics.render()).not.toContain('mcp_auth_policy_decisions_total{');
  metrics.countByPolicy(true);
  onDecision('token_expired', policy, 0);
  onDecision('path_not_found', undefined, 0);
  expect(await metrics.render()).toContain(byPolicy);
  metrics.countByPolicy(false);
  expect(await metrics.render()).not.toContain('mcp_auth_policy_decisions_total{');
});
