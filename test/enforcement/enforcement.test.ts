import { expect, test } from 'vitest';
import { createEnforcement, type EnforcementParts } from '../../operator/enforcement/enforcement.ts';
import type { KeySource } from '../../operator/keys/key-source.ts';
import type { Compilation } from '../../operator/policy/compile.ts';
import { type Inputs, noCluster } from '../../operator/policy/inputs.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import type { SelfTest } from '../../operator/self-test/self-test.ts';

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
  return { policies, configMaps: new Map(), configuration, cluster: noCluster };
}

function createParts(
  selfTest: SelfTest = async ({ digest }) => ({ configDigest: digest, checks: 5, failed: [] }),
) {
  const source: KeySource = {
    current: () => undefined,
    state: () => ({ tried: true, failure: 'Timeout' }),
    refresh: async () => ({ kind: 'refreshed' }),
    retryAfterSeconds: () => 1,
  };
  const retained: string[][] = [];
  const snapshots: Compilation[] = [];
  let reports = 0;
  const parts: EnforcementParts = {
    keyStore: {
      find: () => source,
      retain: (wanted) => void retained.push([...wanted].map(({ config }) => config.id)),
      close: () => undefined,
    },
    selfTest,
    callersOf: () => undefined,
    onSnapshot: (compilation) => void snapshots.push(compilation),
    onReports: () => {
      reports += 1;
    },
  };
  return { parts, retained, snapshots, countReports: () => reports };
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

test('a configuration is tested once, another one again, and a result that comes too late is dropped', async () => {
  const tested: string[] = [];
  const finish: (() => void)[] = [];
  const { parts, countReports } = createParts(({ digest }) => {
    tested.push(digest);
    return new Promise((resolve) => {
      finish.push(() => resolve({ configDigest: digest, checks: 5, failed: [] }));
    });
  });
  const enforcement = createEnforcement(parts);
  enforcement.apply(inputsWith({ x: {} }));
  enforcement.apply(inputsWith({ x: {} }));
  expect(tested).toHaveLength(1);
  expect(enforcement.reports()[0]).toMatchObject({ isSettled: false });
  enforcement.apply(inputsWith({ x: { audience: 'other' } }));
  expect(tested).toHaveLength(2);
  finish[0]?.();
  await Promise.resolve();
  expect(enforcement.reports()[0]).toMatchObject({ isSettled: false });
  const before = countReports();
  finish[1]?.();
  await new Promise(setImmediate);
  expect(countReports()).toBe(before + 1);
  expect(enforcement.reports()[0]).toMatchObject({
    isSettled: true,
    observation: { keys: { kind: 'failed', reason: 'Timeout' }, selfTest: { failed: [] } },
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

test('a self-test that cannot run has failed', async () => {
  const { parts } = createParts(async () => {
    throw new Error('no entropy');
  });
  const enforcement = createEnforcement(parts);
  enforcement.apply(inputsWith({ x: {} }));
  await new Promise(setImmediate);
  expect(enforcement.reports()[0]?.observation?.selfTest?.failed).toEqual(['self-test']);
});
