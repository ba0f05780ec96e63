import { expect, test } from 'vitest';
import { announceSelfTest, announceSnapshot, countStates } from '../../operator/commands/announcements.ts';
import type { Compilation } from '../../operator/policy/compile.ts';
import type { Observation, SelfTestOutcome } from '../../operator/policy/observation.ts';
import type { EnforcedPolicy } from '../../operator/self-test/self-test.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { holdClock } from '../fixtures/held-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const outcome = { namespace: 'a', name: 'x', generation: 1, sharesAudience: false };
const passed: SelfTestOutcome = { kind: 'tested', result: { configDigest: 'd', checks: 12, failed: [] } };
const failed: SelfTestOutcome = {
  kind: 'tested',
  result: { configDigest: 'd', checks: 12, failed: [{ name: 'expired', decision: 'admitted' }] },
};
const loaded = { kind: 'loaded', keys: 1, keySetDigest: 'k' } as const;

test('a policy is ready when somebody vouches for its tokens and it has been tested', () => {
  const observations: readonly (Observation | undefined)[] = [
    { issuer: loaded, selfTest: passed },
    { issuer: { kind: 'answered' }, selfTest: passed },
    { issuer: { kind: 'unanswered', reason: 'Timeout' }, selfTest: passed },
    { issuer: { kind: 'failed', reason: 'Timeout' }, selfTest: passed },
    { issuer: loaded, selfTest: failed },
    { issuer: loaded, selfTest: { kind: 'untested', why: 'NoAccount' } },
    { issuer: loaded },
    undefined,
  ];
  const reports = observations.map((observation) => ({
    outcome,
    isSettled: true,
    ...(observation === undefined ? {} : { observation }),
  }));
  expect(countStates(reports)).toEqual({ ready: 2, not_ready: 5, refused: 1 });
});

test.each<[SelfTestOutcome, string, string[]]>([
  [passed, 'passed', []],
  [failed, 'failed', ['error']],
  [{ kind: 'untested', why: 'NoAccount' }, 'untested', ['warn']],
])('a self-test is counted, and one that did not pass is in the log (%j)', async (ended, result, levels) => {
  const [log, metrics] = [recordLog(), createMetrics('1')];
  const policy = { ...outcome, verifier: { mode: 'TokenReview' } } as unknown as EnforcedPolicy;
  announceSelfTest(policy, ended, { log, metrics });
  expect(log.lines.map(({ level }) => level)).toEqual(levels);
  expect(await metrics.render()).toContain(
    `mcp_auth_self_tests_total{mode="TokenReview",result="${result}"} 1`,
  );
});

test('of the snapshots only the one in force has a series', async () => {
  const [log, metrics] = [recordLog(), createMetrics('1')];
  for (const [digest, nowMs] of [
    ['0123456789abcdef-and-more', 1_000],
    ['fedcba9876543210-and-more', 2_000],
  ] as const) {
    const snapshot = { digest, policies: new Map() };
    const compilation = { snapshot, outcomes: [], sharedAudiences: [] } as unknown as Compilation;
    announceSnapshot(compilation, { log, metrics, clock: holdClock(nowMs) });
  }
  const text = await metrics.render();
  expect(text.match(/^mcp_auth_snapshot_info.*$/gm)).toEqual([
    'mcp_auth_snapshot_info{digest="fedcba9876543210"} 1',
  ]);
  expect(text).toMatch(/^mcp_auth_snapshot_timestamp_seconds 2$/m);
});
