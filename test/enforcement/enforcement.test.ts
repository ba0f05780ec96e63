import { describe, expect, test } from 'vitest';
import { createEnforcement, type EnforcementParts } from '../../operator/enforcement/enforcement.ts';
import type { TestedPolicy } from '../../operator/enforcement/self-test-schedule.ts';
import type { KeySource } from '../../operator/keys/key-source.ts';
import { type Compilation, compile } from '../../operator/policy/compile.ts';
import { type Inputs, noCluster } from '../../operator/policy/inputs.ts';
import type { SelfTestOutcome } from '../../operator/policy/observation.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import { shortDigest } from '../../operator/policy/status.ts';

const decoded = decodeConfiguration({
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'OperatorConfiguration',
  publicURL: 'https://mcp.example.com',
});
if (!decoded.ok) throw new Error('the configuration of the test is wrong');
const configuration = decoded.value;

function inputsWith(specs: Readonly<Record<string, object>>): Inputs {
  const policies = Object.entries(specs).map(([name, spec]) => ({
    object: {
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { namespace: 'a', name },
      spec: { issuer: 'https://idp.example.com', audience: name, mode: 'OIDC', ...spec },
    },
  }));
  return {
    ...{ policies, configMaps: new Map(), services: new Map(), serviceAddresses: 'unused' },
    configuration,
    cluster: noCluster,
  };
}

function createParts() {
  const source: KeySource = {
    current: () => undefined,
    state: () => ({ tried: true, failure: 'Timeout' }),
    refresh: async () => ({ kind: 'refreshed' }),
    retryAfterSeconds: () => 1,
  };
  const retained: string[][] = [];
  const snapshots: Compilation[] = [];
  const started: string[] = [];
  const tests: TestedPolicy[][] = [];
  const outcomes = new Map<string, SelfTestOutcome>();
  const parts: EnforcementParts = {
    keyStore: {
      find: () => source,
      retain: (wanted) => void retained.push([...wanted].map(({ config }) => config.id)),
      setRefreshSeconds: () => undefined,
      close: () => undefined,
    },
    apiServer: { start: () => void started.push('start'), state: () => ({ tried: true }) },
    selfTests: {
      retain: (policies) => void tests.push([...policies]),
      outcomeOf: (digest) => outcomes.get(digest),
    },
    callersOf: () => undefined,
    hasReachedAll: () => true,
    operatorVersion: '1.2.3',
    onSnapshot: (compilation) => void snapshots.push(compilation),
    onReports: () => undefined,
  };
  return { parts, retained, snapshots, started, tests, outcomes };
}

test('before the first inputs nothing is served', () => {
  const { currentSnapshot, reports } = createEnforcement(createParts().parts);
  expect(currentSnapshot()).toBeUndefined();
  expect(reports()).toEqual([]);
});

test('inputs are in force at once, and equal ones change nothing', () => {
  const { parts, snapshots } = createParts();
  const enforcement = createEnforcement(parts);
  enforcement.apply(inputsWith({ x: {} }));
  expect([...(enforcement.currentSnapshot()?.policies.keys() ?? [])]).toEqual(['a/x']);
  enforcement.apply(inputsWith({ x: {} }));
  expect(snapshots).toHaveLength(1);
  enforcement.apply(inputsWith({}));
  expect(enforcement.currentSnapshot()?.policies.size).toBe(0);
});

test('policies that agree in every trust input share a key source; those that deny have none', () => {
  const { parts, retained } = createParts();
  createEnforcement(parts).apply(
    inputsWith({ x: {}, y: {}, other: { issuer: 'https://b.example.com' }, no: { mode: 'TokenReview' } }),
  );
  expect(new Set(retained[0]).size).toBe(2);
});

test('the API server is asked only when a policy wants its reviews', () => {
  const { parts, started, retained } = createParts();
  const enforcement = createEnforcement(parts);
  const cluster = { reviewsTokens: true, audiences: [] };
  enforcement.apply({ ...inputsWith({ x: {} }), cluster });
  expect(started).toEqual([]);
  enforcement.apply({ ...inputsWith({ y: { mode: 'TokenReview' } }), cluster });
  expect(started).toEqual(['start']);
  expect(retained.at(-1)).toEqual([]);
  expect(enforcement.reports()[0]?.observation?.issuer).toEqual({ kind: 'answered' });
  enforcement.apply({
    ...inputsWith({ y: { mode: 'TokenReview' } }),
    cluster: { ...cluster, issuer: 'https://other.example.com' },
  });
  expect(enforcement.reports()[0]?.observation?.issuer).toMatchObject({ reason: 'IssuerMismatch' });
});

test('a policy is settled when its keys have been tried and its self-test has an outcome', () => {
  const { parts, outcomes } = createParts();
  const enforcement = createEnforcement(parts);
  const digest = enforcement.apply(inputsWith({ x: {} })).snapshot.policies.get('a/x')?.digest ?? '';
  expect(enforcement.reports()[0]).toMatchObject({ isSettled: false });
  outcomes.set(digest, { kind: 'untested', why: 'Unavailable' });
  expect(enforcement.reports()[0]).toMatchObject({
    isSettled: true,
    observation: {
      issuer: { kind: 'failed', reason: 'Timeout' },
      selfTest: { kind: 'untested', why: 'Unavailable' },
    },
  });
});

test('what callers of a configuration met with is part of its report', () => {
  const asked: string[] = [];
  const { parts } = createParts();
  const callers = { hasAccepted: true, dominantRejection: 'token_expired' };
  const callersOf: EnforcementParts['callersOf'] = ({ name, digest }) => {
    asked.push(digest);
    return name === 'x' ? callers : undefined;
  };
  const enforcement = createEnforcement({ ...parts, callersOf });
  enforcement.apply(inputsWith({ x: {}, y: {}, denied: { mode: 'TokenReview' } }));
  const observed = enforcement
    .reports()
    .map(({ outcome, observation }) => [outcome.name, observation?.callers]);
  expect(observed).toEqual([
    ['denied', undefined],
    ['x', callers],
    ['y', undefined],
  ]);
  const policies = enforcement.currentSnapshot()?.policies;
  expect(asked).toEqual([policies?.get('a/x')?.digest, policies?.get('a/y')?.digest]);
});

test('a configuration that has not reached every replica is said to wait for them', () => {
  const { parts } = createParts();
  const enforcement = createEnforcement({ ...parts, hasReachedAll: ({ name }) => name === 'x' });
  enforcement.apply(inputsWith({ x: {}, y: {} }));
  const waits = enforcement.reports().map(({ observation }) => observation?.awaitsReplicas);
  expect(waits).toEqual([undefined, true]);
});

describe('a stored verdict', () => {
  const verification = { operatorVersion: '1.2.3', checks: 13, failed: [], time: '2026-01-01T00:00:00Z' };

  function inputsWithStored(stored: object): Inputs {
    const inputs = inputsWith({ x: {} });
    const status = { verification: { ...verification, configDigest: shortDigest(digestOfX()), ...stored } };
    return { ...inputs, policies: inputs.policies.map(({ object }) => ({ object: { ...object, status } })) };
  }

  function digestOfX(): string {
    return compile(inputsWith({ x: {} })).snapshot.policies.get('a/x')?.digest ?? '';
  }

  test('of this configuration and version counts after a restart', () => {
    const { parts, tests } = createParts();
    createEnforcement(parts).apply(inputsWithStored({}));
    expect(tests[0]?.[0]?.storedVerdict).toEqual({
      kind: 'tested',
      result: { configDigest: digestOfX(), checks: 13, failed: [] },
    });
  });

  test.each([
    ['of another configuration', { configDigest: 'ffff' }],
    ['of another version', { operatorVersion: '1.2.4' }],
    ['that is bad', { failed: ['expired'] }],
    ['of nothing', { checks: 0 }],
    ['of another shape', { checks: 'many' }],
  ])('%s does not', (_, stored) => {
    const { parts, tests } = createParts();
    createEnforcement(parts).apply(inputsWithStored(stored));
    expect(tests[0]?.[0]?.storedVerdict).toBeUndefined();
  });

  test('that appears later does not: whoever may write a status could have written it', () => {
    const { parts, tests } = createParts();
    const enforcement = createEnforcement(parts);
    enforcement.apply(inputsWith({}));
    enforcement.apply(inputsWithStored({}));
    expect(tests[1]).toEqual([{ policy: expect.anything() }]);
  });
});
