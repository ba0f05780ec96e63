import { describe, expect, test } from 'vitest';
import { answerAssertionKeys, assertionKeysPath } from '../../../operator/http/gate/assertion-keys.ts';
import { createGate } from '../../../operator/http/gate/gate.ts';
import type { JwkSet } from '../../../operator/identity/assertion-keys.ts';
import { compile } from '../../../operator/policy/compile.ts';
import { noCluster } from '../../../operator/policy/inputs.ts';
import { decodeConfiguration } from '../../../operator/policy/operator-configuration.ts';

const decoded = decodeConfiguration({
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'OperatorConfiguration',
  publicURL: 'https://mcp.example.com',
  additionalHosts: ['mcp.svc:8080'],
  resourceHosts: [{ namespaces: ['team-b'], hosts: ['own.example.com'] }],
});
if (!decoded.ok) throw new Error('the configuration of the test is wrong');
const { snapshot } = compile({
  policies: [],
  configMaps: new Map(),
  services: new Map(),
  serviceAddresses: 'only',
  configuration: decoded.value,
  cluster: noCluster,
});
const keys: JwkSet = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k' }] };

test('the key set is JSON of its own type, for a short while', () => {
  const answer = answerAssertionKeys('GET', keys);
  expect(answer).toMatchObject({
    status: 200,
    headers: { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=60' },
  });
  expect(JSON.parse(answer.body ?? '')).toEqual(keys);
  expect(answerAssertionKeys('HEAD', keys)).toEqual(answer);
});

test.each([
  ['GET', undefined, 404],
  ['POST', keys, 405],
  ['OPTIONS', keys, 405],
])('%s with keys %j is %d', (method, held, status) => {
  expect(answerAssertionKeys(method, held).status).toBe(status);
});

describe('at the gate', () => {
  async function ask(host: string, target = assertionKeysPath, held: JwkSet | undefined = keys) {
    const gate = createGate(
      async () => expect.unreachable('no token is asked for'),
      () => held,
    );
    const decision = await gate({ method: 'GET', target, rawHeaders: ['Host', host] }, snapshot);
    if (decision.kind !== 'answer') throw new Error('let in');
    return { status: decision.answer.status, reason: decision.reason };
  }

  test.each(['mcp.example.com', 'mcp.svc:8080', 'own.example.com'])(
    'it is open to all at %s',
    async (host) => {
      expect(await ask(host)).toEqual({ status: 200, reason: 'assertion_keys' });
    },
  );

  test('hosts that are not ours and other spellings of the path have none', async () => {
    expect(await ask('evil.example.com')).toEqual({ status: 421, reason: 'host_not_allowed' });
    for (const target of [`${assertionKeysPath}/`, assertionKeysPath.toUpperCase(), `/a${assertionKeysPath}`])
      expect(await ask('mcp.example.com', target)).toEqual({ status: 404, reason: 'path_not_found' });
  });

  test('a gate without keys says so', async () => {
    const gate = createGate(async () => expect.unreachable());
    const head = { method: 'GET', target: assertionKeysPath, rawHeaders: ['Host', 'mcp.example.com'] };
    expect(await gate(head, snapshot)).toMatchObject({ answer: { status: 404 }, reason: 'assertion_keys' });
  });
});
