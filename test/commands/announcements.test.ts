import { expect, test } from 'vitest';
import { announceSelfTest, countStates } from '../../operator/commands/announcements.ts';
import type { Observation, SelfTestOutcome } from '../../operator/policy/observation.ts';
import type { EnforcedPolicy } from '../../operator/self-test/self-test.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
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
