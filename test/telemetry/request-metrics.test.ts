import { expect, test } from 'vitest';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { scrape } from '../fixtures/scrape.ts';

test('a decision is in the buckets of its mode', async () => {
  const metrics = createMetrics('1');
  metrics.noteDecisionTime('OIDC', 0.0003);
  const { read } = await scrape(metrics);
  const name = 'mcp_auth_decision_duration_seconds';
  expect(read(`${name}_bucket{le="0.00025",mode="OIDC"}`)).toBe(0);
  expect(read(`${name}_bucket{le="0.0005",mode="OIDC"}`)).toBe(1);
  expect(read(`${name}_count{mode="Offline"}`)).toBe(0);
});

test('an answer of 5xx has failed, every other has not', async () => {
  const metrics = createMetrics('1');
  for (const status of [200, 404, 499, 500, 504]) metrics.noteAnswerTime('upstream', status, 0.5);
  const { read } = await scrape(metrics);
  const name = 'mcp_auth_request_duration_seconds_count';
  expect(read(`${name}{backend="upstream",outcome="answered"}`)).toBe(3);
  expect(read(`${name}{backend="upstream",outcome="failed"}`)).toBe(2);
  expect(read(`${name}{backend="builtin",outcome="answered"}`)).toBe(0);
});

test('upstreams are measured by answers and by causes of failures; open streams are asked for at a scrape', async () => {
  const metrics = createMetrics('1');
  metrics.upstream.noteAnswer(0.02);
  metrics.upstream.countFailure('reset');
  metrics.followStreams(() => 7);
  const { read } = await scrape(metrics);
  expect(read('mcp_auth_upstream_answer_duration_seconds_count')).toBe(1);
  expect(read('mcp_auth_upstream_failures_total{cause="reset"}')).toBe(1);
  expect(read('mcp_auth_upstream_failures_total{cause="tls"}')).toBe(0);
  expect(read('mcp_auth_open_streams')).toBe(7);
});
