import { expect, test, vi } from 'vitest';
import { rememberJudgements } from '../../operator/enforcement/remembered-judgements.ts';
import { type Inputs, noCluster } from '../../operator/policy/inputs.ts';
import { type Judged, judgePolicy } from '../../operator/policy/judge-policy.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';

const configuration = () => {
  const decoded = decodeConfiguration({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'OperatorConfiguration',
    publicURL: 'https://mcp.example.com',
  });
  if (!decoded.ok) throw new Error('the configuration of the test is wrong');
  return decoded.value;
};

const policy = () => ({
  object: {
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'McpAuthPolicy',
    metadata: { namespace: 'a', name: 'tools' },
    spec: {
      ...{ issuer: 'https://idp.example.com', audience: 'x', mode: 'Offline' },
      jwks: { configMapRef: { name: 'keys', key: 'jwks' } },
      upstream: { service: { name: 'server', port: 80 } },
    },
  },
});

const keys = { data: { jwks: '{"keys":[]}' } };
const service = { type: 'ClusterIP', clusterIP: '10.0.0.9', hasSelector: true, ports: [] };
const before: Inputs = {
  policies: [],
  configMaps: new Map([['a/keys', keys]]),
  services: new Map([['a/server', service]]),
  serviceAddresses: 'unused',
  configuration: configuration(),
  cluster: noCluster,
};

test('what has not changed is not judged again', () => {
  const judge = vi.fn(judgePolicy);
  const remembering = rememberJudgements(judge);
  const source = policy();
  const judged = remembering(source, before);
  const after: Inputs = {
    ...before,
    policies: [policy()],
    configMaps: new Map([...before.configMaps, ['a/other', keys], ['b/keys', keys]]),
    services: new Map([...before.services, ['b/server', service]]),
  };
  expect(remembering({ ...source }, after)).toBe(judged);
  expect(judge).toHaveBeenCalledTimes(1);
});

test.each<[string, Partial<Inputs>]>([
  ['a ConfigMap that it names', { configMaps: new Map([['a/keys', { data: {} }]]) }],
  ['the loss of that', { configMaps: new Map() }],
  ['a Service that it names', { services: new Map([['a/server', { ...service }]]) }],
  ['the loss of that', { services: new Map() }],
  ['the configuration', { configuration: configuration() }],
  ['the cluster', { cluster: { ...noCluster } }],
  ['the use of addresses', { serviceAddresses: 'only' }],
  ['what inputs do not hold yet', { future: true } as Partial<Inputs>],
])('judged again after a change of %s', (_, change) => {
  const judge = vi.fn(judgePolicy);
  const remembering = rememberJudgements(judge);
  const source = policy();
  remembering(source, before);
  const after = { ...before, ...change };
  expect(remembering(source, after)).toEqual(judgePolicy(source, after));
  expect(judge).toHaveBeenCalledTimes(2);
});

test('another object, or a problem with it, is judged by itself', () => {
  const judge = vi.fn(judgePolicy);
  const remembering = rememberJudgements(judge);
  const source = policy();
  for (const each of [source, policy(), { ...source, problem: 'defined twice' }]) remembering(each, before);
  expect(judge).toHaveBeenCalledTimes(3);
});

test('a judgement that failed is not remembered', () => {
  const judged = judgePolicy(policy(), before);
  const judge = vi
    .fn<() => Judged>(() => judged)
    .mockImplementationOnce(() => {
      throw new Error('a bug');
    });
  const remembering = rememberJudgements(judge);
  const source = policy();
  expect(() => remembering(source, before)).toThrow('a bug');
  expect(remembering(source, before)).toBe(judged);
});
