import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { footprintOf, inMebibytes, memoryLimitBytes } from './footprint.ts';
import { type Installation, policyUnderLoad, startInstallation } from './installation.ts';
import { measureP99 } from './latency.ts';
import { isFull, rowTimeoutMs, times, within } from './length.ts';
import { timeUntil } from './load.ts';
import { applyAll, createTenant, type PlannedPolicy } from './many-policies.ts';
import { inSeconds, metricsOf, observe } from './observation.ts';
import { restart } from './rolling-restart.ts';
import { audience, tenant } from './tenants.ts';

const policyCount = times({ short: 300, full: 10_000 });
const sourceCount = times({ short: 30, full: 1_000 });
/** More than a thousand policies in one namespace are over its limit. */
const namespaces = Array.from({ length: times({ short: 5, full: 20 }) }, (_, index) => `crowd-${index}`);
/** So many of them are called. */
const calledCount = 100;
const requests = times({ short: 200, full: 2_000 });

describeWithCluster('many policies', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(['one', 'two']);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  /** Policies of a source are in one namespace; each asks for an audience of its own. */
  function plan(): readonly PlannedPolicy[] {
    const { tenants, specOf } = installation;
    return Array.from({ length: policyCount }, (_, index) => {
      const source = index % sourceCount;
      const jwks = { uri: new URL(keysPath(source), tenants.issuer.issuer).href };
      const spec = { ...specOf(tenant), jwks, audience: audienceOf(index), algorithms: ['ES256'] };
      return { namespace: namespaces[source % namespaces.length] ?? '', name: `policy-${index}`, spec };
    });
  }

  /** How often a replica has tried to load keys, and how many sources it has. */
  async function fetchesOf(name: string): Promise<{ readonly fetches: number; readonly sources: number }> {
    const { series } = await metricsOf(installation.replicas.get(name));
    const total = (wanted: string): number =>
      series.filter((each) => each.name === wanted).reduce((sum, { value }) => sum + value, 0);
    return { fetches: total('mcp_auth_key_fetches_total'), sources: total('mcp_auth_key_sources') };
  }

  /** The most memory that a replica has ever had; nothing where that is not known. */
  function peakBytes(name: string): number[] {
    const replica = installation.replicas.get(name);
    const footprint = replica && footprintOf(replica.pid);
    return footprint === undefined ? [] : [footprint.peakBytes];
  }

  async function untilAllReady(limitMs: number): Promise<number> {
    return await timeUntil('all policies are ready, and it is told', limitMs, async () => {
      const { read } = await metricsOf(installation.replicas.get('one'));
      const waiting = ['first', 'later'].map((priority) => {
        const series = `workqueue_depth{name="status",controller="status",priority="${priority}"}`;
        return read(series) ?? 0;
      });
      const isTold = waiting.every((count) => count === 0);
      return isTold && (read('mcp_auth_policies{state="ready"}') ?? 0) >= policyCount;
    });
  }

  it('K14: many policies and key sources', { timeout: rowTimeoutMs }, async () => {
    const { tenants, replicas } = installation;
    const keys = { body: { keys: [tenants.signer.publicJwk] } };
    for (let source = 0; source < sourceCount; source += 1) tenants.issuer.respond(keysPath(source), keys);
    for (const namespace of namespaces) await createTenant(installation, namespace);
    const many = plan();
    const one = replicas.get('one');
    const atOne = (policy: string): string => `${one?.publicURL}/${policy}/mcp`;

    await using observation = await observe(installation);
    const few = () => ({ url: atOne(`${tenant}/${policyUnderLoad}`), token: tenants.token('good') });
    await measureP99(requests / 10, few);
    const baselineMs = await measureP99(requests, few);
    await applyAll(installation, many);
    const settledMs = await untilAllReady(300_000);

    let turn = 0;
    const crowd = () => {
      // Another source and another namespace each time.
      turn += 1;
      const index = ((turn % calledCount) * 7919) % policyCount;
      const { namespace, name } = many[index] as PlannedPolicy;
      return { url: atOne(`${namespace}/${name}`), token: tenants.tokenFor(audienceOf(index)) };
    };
    await measureP99(calledCount, crowd);
    // What is written of the first callers of each of them.
    await delay(3_000);
    await untilAllReady(60_000);
    const crowdedMs = await measureP99(requests, crowd);
    // The short version's few requests say nothing about a promise.
    if (isFull) expect(crowdedMs).toBeLessThan(2 * baselineMs);

    const peaks = peakBytes('two');
    const { code, readyMs } = await restart(installation, 'two');
    expect(code).toBe(0);
    expect(readyMs).toBeLessThan(within(60_000));
    const keysMs = await timeUntil('all keys are there', 60_000, async () => {
      const { read } = await metricsOf(replicas.get('two'));
      return (read('mcp_auth_key_sources{state="held"}') ?? 0) >= sourceCount;
    });
    const { fetches, sources } = await fetchesOf('two');
    expect(fetches).toBeGreaterThanOrEqual(sourceCount);
    expect(fetches).toBeLessThanOrEqual(sources);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    const change = await installation.timeToChange(10_000);
    peaks.push(...peakBytes('one'), ...peakBytes('two'));
    for (const peak of peaks) expect(peak).toBeLessThan(memoryLimitBytes);
    await observation.conclude({
      ...{ id: 'K14', fault: `${policyCount} policies of ${sourceCount} key sources` },
      promised:
        'Memory below 512 MiB; a replica that starts is ready within 60 s and fetches from each source once; at rest 99 of 100 requests take less than twice as long as with few policies',
      ...{ during, change, recoveryLimitMs: 10_000 },
      more: [
        `all ready, and all statuses written, ${inSeconds(settledMs)} after the last was applied`,
        `a replica that starts is ready after ${inSeconds(readyMs)}, with all keys ${inSeconds(keysMs)} later: ${fetches} fetches for ${sources} sources`,
        `99 of 100 requests within ${baselineMs.toFixed(1)} ms before, ${crowdedMs.toFixed(1)} ms with them`,
        `most memory: ${peaks.map(inMebibytes).join(', ') || 'not known here'}`,
      ].join('; '),
    });
  });
});

function keysPath(source: number): string {
  return `/keys/${source}`;
}

function audienceOf(index: number): string {
  return `${audience}/crowd/${index}`;
}
