import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { reasonsOf } from '../e2e/scenario.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { statusWrites } from './audit-log.ts';
import { type Installation, policyUnderLoad, startInstallation } from './installation.ts';
import { lasting, rowTimeoutMs } from './length.ts';
import { ask, timeUntil } from './load.ts';
import { inSeconds, observe } from './observation.ts';
import { audience, neighbour, tenant } from './tenants.ts';

const crdFile = join(import.meta.dirname, '../../crds/mcpauthpolicies.yaml');
const crdName = 'crd/mcpauthpolicies.mcpauth.dev';

describeWithCluster('faults of objects', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(['one', 'two']);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  const good = (): string => installation.tenants.token('good');
  /** The tenant's issuer, its keys in the policy itself. */
  const offlineSpec = (): object => {
    const inline = JSON.stringify({ keys: [installation.tenants.signer.publicJwk] });
    return { issuer: installation.tenants.issuer.issuer, audience, mode: 'Offline', jwks: { inline } };
  };
  const reasons = ({ metadata: { generation = 0 }, status }: McpAuthPolicy) =>
    reasonsOf({ generation, status });

  it('K12: a policy is deleted and created again under the same name', {
    timeout: rowTimeoutMs,
  }, async () => {
    const { tenants, apply, see, kubectl, untilAnswer, untilReady, specOf, inRotation } = installation;
    const newer = await createSigner('ES256', { kid: 'newer' });
    const path = '/own-keys';
    const policy = `${tenant}/again`;
    const spec = { ...specOf(tenant), jwks: { uri: new URL(path, tenants.issuer.issuer).href } };
    tenants.issuer.respond(path, { body: { keys: [tenants.signer.publicJwk] } });
    await apply('again', spec);
    await untilAnswer(policy, good, '200', 10_000);
    await untilReady('again', 10_000);
    const before = await see('again');

    await using observation = await observe(installation);
    await kubectl('-n', tenant, 'delete', 'mcpap', 'again');
    const goneMs = await untilAnswer(policy, good, '404', 5_000);
    // Each replica is refused once.
    tenants.issuer.respond(path, { status: 500 });
    await apply('again', spec);
    const undecidedMs = await untilAnswer(policy, good, '503', 5_000);
    tenants.issuer.respond(path, { body: { keys: [newer.publicJwk] } });
    const during = await observation.endFault();
    const newToken = (): string => {
      const iat = Math.floor(Date.now() / 1000);
      const claims = { iss: tenants.issuer.issuer, aud: audience, sub: 'alice', iat, exp: iat + 300 };
      return newer.sign({}, claims);
    };
    const backMs = await untilAnswer(policy, newToken, '200', 10_000);
    await untilAnswer(policy, good, '401', 1_000);
    await untilReady('again', 10_000);
    const after = await see('again');
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(after.status?.issuer?.keySetDigest).not.toBe(before.status?.issuer?.keySetDigest);
    expect(inRotation.size).toBe(2);
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{
        id: 'K12',
        fault: 'Policy deleted and created again, its issuer away at first, then with other keys',
      },
      promised:
        'Denied at once, then 503 until there are new keys; no old key lives on; its neighbours do not notice',
      ...{ during, change: await installation.timeToChange(5_000), recoveryLimitMs: 5_000 },
      more: `404 after ${inSeconds(goneMs)}, 503 after ${inSeconds(undecidedMs)}, 200 by the new key after ${inSeconds(backMs)}`,
    });
  });

  it('K13: a namespace is being deleted', { timeout: rowTimeoutMs }, async () => {
    const { apply, kubectl, audit, untilAnswer, untilReady, cluster } = installation;
    const namespace = 'team-c';
    await kubectl('create', 'namespace', namespace);
    await apply('gone', offlineSpec(), namespace);
    await untilReady('gone', 10_000, namespace);
    await untilAnswer(`${namespace}/gone`, good, '200', 5_000);

    await using observation = await observe(installation);
    await kubectl('delete', 'namespace', namespace, '--wait=false');
    const entries = audit.since();
    // What the controller of namespaces does, which does not run here.
    await kubectl('-n', namespace, 'delete', 'mcpap', '--all', '--timeout=10s');
    const deniedMs = await untilAnswer(`${namespace}/gone`, good, '404', 5_000);
    const finalized = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace }, spec: {} };
    await cluster.kubectl(['replace', '--raw', `/api/v1/namespaces/${namespace}/finalize`, '-f', '-'], {
      stdin: JSON.stringify(finalized),
    });
    await timeUntil('the namespace is gone', 10_000, async () => {
      return (await kubectl('get', 'namespace', namespace, '--ignore-not-found')) === '';
    });
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    const inThere = entries().filter(({ objectRef }) => objectRef?.namespace === namespace);
    expect(inThere).toEqual([]);
    await observation.conclude({
      ...{ id: 'K13', fault: 'Namespace being deleted' },
      promised: 'Its policies are denied; nothing of ours holds up the deletion; nothing is written there',
      ...{ during, change: await installation.timeToChange(5_000), recoveryLimitMs: 5_000 },
      more: `404 after ${inSeconds(deniedMs)}; calls in there: 0`,
    });
  });

  it('T5: a tenant writes statuses', { timeout: rowTimeoutMs }, async () => {
    const { apply, see, kubectl, cluster, untilReady, untilAnswer } = installation;
    const missing = { configMapRef: { name: 'missing', key: 'keys' } };
    await apply('refused', { ...offlineSpec(), jwks: missing });
    await timeUntil('the policy is refused', 10_000, async () => {
      return reasons(await see('refused')).Ready === 'RefNotFound';
    });
    const may = ['--resource=mcpauthpolicies,mcpauthpolicies/status', '--verb=get,patch'];
    await kubectl('-n', tenant, 'create', 'role', 'statuses', ...may);
    await kubectl('-n', tenant, 'create', 'rolebinding', 'statuses', '--role=statuses', '--user=tenant-a');

    await using observation = await observe(installation);
    const lie = async (name: string, status: 'True' | 'False'): Promise<void> => {
      const { generation = 0 } = (await see(name)).metadata;
      const condition = (type: string) => ({
        ...{ type, status, reason: 'Ready', message: 'A tenant says so.' },
        ...{ lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: generation },
      });
      const lied = { observedGeneration: generation, conditions: ['Ready', 'Verified'].map(condition) };
      const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status: lied })];
      const user = { user: 'tenant-a' };
      const { code } = await cluster.kubectl(['-n', tenant, 'patch', 'mcpap', name, ...patch], user);
      expect(code).toBe(0);
    };
    const isUntold = async (name: string): Promise<boolean> =>
      !JSON.stringify((await see(name)).status).includes('A tenant says so.');
    await lie('refused', 'True');
    await lie(policyUnderLoad, 'False');
    const overwrittenMs = await timeUntil('the lies are overwritten', 10_000, async () => {
      return (await isUntold('refused')) && (await isUntold(policyUnderLoad));
    });
    expect(reasons(await see('refused')).Ready).toBe('RefNotFound');
    await untilReady(policyUnderLoad, 10_000);
    await untilAnswer(`${tenant}/refused`, good, '503', 1_000);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{ id: 'T5', fault: 'A tenant writes into the status subresource' },
      promised: 'It decides nothing, and is overwritten',
      ...{ during, change: await installation.timeToChange(5_000), recoveryLimitMs: 5_000 },
      more: `overwritten after ${inSeconds(overwrittenMs)}`,
    });
  });

  it('K17: objects are stored that the schema would refuse', { timeout: rowTimeoutMs }, async () => {
    const { cluster, kubectl, audit, targets } = installation;
    const replaceCrd = async (crd: unknown): Promise<void> => {
      const { code, stderr } = await cluster.kubectl(['replace', '-f', '-'], { stdin: JSON.stringify(crd) });
      if (code !== 0) throw new Error(stderr);
    };
    const strict = parse(readFileSync(crdFile, 'utf8')) as Crd;
    const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const [version] = strict.spec.versions;
    const versions = [{ ...version, schema: { openAPIV3Schema: anything } }];
    const poison: Readonly<Record<string, unknown>> = {
      'poison-text': 'no object at all',
      'poison-list': [1, null, { issuer: {} }],
      'poison-types': { ...offlineSpec(), audience: { $ne: '' }, clockSkew: [], tools: 'all' },
      'poison-missing': undefined,
      'poison-status': offlineSpec(),
    };

    await using observation = await observe(installation);
    await replaceCrd({ ...strict, spec: { ...strict.spec, versions } });
    const entries = audit.since();
    for (const [name, spec] of Object.entries(poison)) {
      const metadata = { name, namespace: tenant };
      const object = { apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec };
      await timeUntil(`${name} is stored`, 20_000, async () => {
        const { code } = await cluster.kubectl(['create', '-f', '-'], { stdin: JSON.stringify(object) });
        return code === 0;
      });
    }
    const oddStatus = { conditions: { Ready: 'True' }, verification: [1], observedGeneration: 'all' };
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status: oddStatus })];
    await kubectl('-n', tenant, 'patch', 'mcpap', 'poison-status', ...patch);
    await replaceCrd(strict);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);

    const change = await installation.timeToChange(10_000);
    const answers = await Promise.all(
      Object.keys(poison)
        .filter((name) => name !== 'poison-status')
        .flatMap((name) => targets(`${tenant}/${name}`).map(({ url }) => ask(url, good()))),
    );
    expect(answers.filter((answer) => answer !== '503' && answer !== '404')).toEqual([]);
    const refused = statusWrites(entries()).filter(
      ({ responseStatus }) => (responseStatus?.code ?? 0) >= 400,
    );
    await observation.conclude({
      ...{ id: 'K17', fault: 'Five stored objects that the schema would refuse' },
      promised: 'Only they are refused; the other policies do not notice',
      ...{ during, change, recoveryLimitMs: 10_000 },
      more: `they answer ${[...new Set(answers)].join(' or ')}; status writes that the API server refused: ${refused.length}`,
    });
    await kubectl('-n', tenant, 'delete', 'mcpap', ...Object.keys(poison));
  });

  it('K11: the CRD is deleted and created again', { timeout: rowTimeoutMs }, async () => {
    const { kubectl, apply, specOf, untilAnswer, untilReady } = installation;
    await using observation = await observe(installation);
    await kubectl('delete', crdName, '--timeout=30s');
    const deniedMs = await untilAnswer(`${tenant}/${policyUnderLoad}`, good, '404', 5_000);
    await delay(lasting({ seconds: 5, full: 15 }));
    await untilAnswer(`${tenant}/${policyUnderLoad}`, good, '404', 5_000);
    const during = await observation.endFault();

    await kubectl('create', '-f', crdFile);
    await kubectl('wait', '--for=condition=Established', crdName, '--timeout=30s');
    const startMs = performance.now();
    for (const namespace of [tenant, neighbour]) await apply(policyUnderLoad, specOf(namespace), namespace);
    await untilAnswer(`${tenant}/${policyUnderLoad}`, good, '200', 60_000);
    const backMs = performance.now() - startMs;
    await untilReady(policyUnderLoad, 10_000);
    await observation.conclude({
      ...{ id: 'K11', fault: 'CRD deleted, and created again with its policies' },
      promised: 'All denied, none opened; policies that are created again serve within 60 s',
      ...{ during, change: await installation.timeToChange(10_000), recoveryLimitMs: 10_000 },
      isOpenedAnew: true,
      more: `404 after ${inSeconds(deniedMs)}; served again after ${inSeconds(backMs)}`,
    });
  });
});

interface Crd {
  readonly spec: { readonly versions: readonly object[] };
}
