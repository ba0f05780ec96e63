import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import type { Script } from '../fixtures/scripted-response.ts';
import { type Installation, policyUnderLoad, startInstallation } from './installation.ts';
import { lasting, rowTimeoutMs, times, within } from './length.ts';
import { startLoad, timeUntil } from './load.ts';
import { applyAll, createTenant } from './many-policies.ts';
import { inSeconds, metricsOf, observe } from './observation.ts';
import { neighbour, tenant } from './tenants.ts';

/** Has nothing but policies whose issuers are dead. */
const careless = 'team-c';
const count = times({ short: 200, full: 1_000 });
/** How issuers are dead, in turn. */
const deaths: readonly Script[] = ['hang', 'reset', { status: 500 }];
/** A turn of one who hangs, a fetch, and a self-test. */
const newPolicyLimitMs = 15_000;

describeWithCluster('dead issuers', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(['one', 'two']);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  async function applyDead(): Promise<void> {
    const { tenants, specOf } = installation;
    await createTenant(installation, careless);
    const paths = Array.from({ length: count }, (_, index) => `/dead/${index}`);
    for (const [index, path] of paths.entries())
      tenants.issuer.respond(path, deaths[index % deaths.length] as Script);
    const specs = paths.map((path) => ({
      ...specOf(tenant),
      jwks: { uri: new URL(path, tenants.issuer.issuer).href },
    }));
    await applyAll(
      installation,
      specs.map((spec, index) => ({ namespace: careless, name: `dead-${index}`, spec })),
    );
  }

  it('T4: a tenant has very many policies whose issuers are dead', { timeout: rowTimeoutMs }, async () => {
    const { tenants, targets, specOf, apply, untilReady, replicas } = installation;
    await using observation = await observe(installation);
    const others = startLoad({
      targets: () => targets(`${neighbour}/${policyUnderLoad}`),
      // Who is good here is foreign there.
      token: (caller) => tenants.token(caller === 'good' ? 'foreign' : caller === 'foreign' ? 'good' : 'bad'),
    });
    const newPolicies = ['at-once', 'later'];
    for (const name of newPolicies) {
      tenants.neighbourIssuer.respond(`/${name}`, { body: { keys: [tenants.signer.publicJwk] } });
    }
    const addPolicy = async (name: string): Promise<number> => {
      const uri = new URL(`/${name}`, tenants.neighbourIssuer.issuer).href;
      await apply(name, { ...specOf(neighbour), jwks: { uri } }, neighbour);
      return await untilReady(name, newPolicyLimitMs, neighbour);
    };

    await applyDead();
    await timeUntil('the dead policies are known', 30_000, async () => {
      const { read } = await metricsOf(replicas.get('one'));
      return (read('mcp_auth_cached_objects{resource="mcpauthpolicies"}') ?? 0) > count;
    });
    const atOnceMs = await addPolicy('at-once');
    await delay(lasting({ seconds: 5, full: 20 }));
    const laterMs = await addPolicy('later');
    for (const ms of [atOnceMs, laterMs]) expect(ms).toBeLessThan(within(newPolicyLimitMs));
    await others.stop();
    const elsewhere = await others.take();
    expect(elsewhere.sent).toBeGreaterThan(0);
    expect([...elsewhere.failedGood, ...elsewhere.wrongAccepts]).toEqual([]);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{ id: 'T4', fault: `A tenant with ${count} policies whose issuers hang, reset or answer 500` },
      promised: `Other tenants' good tokens are all let in; their new policies are ready within ${newPolicyLimitMs / 1000} s`,
      ...{ during, change: await installation.timeToChange(10_000), recoveryLimitMs: 10_000 },
      more: `good tokens of the other tenant: all of ${Math.floor(elsewhere.sent / 2)} let in; its new policies ready after ${inSeconds(atOnceMs)} and ${inSeconds(laterMs)}`,
    });
  });
});
