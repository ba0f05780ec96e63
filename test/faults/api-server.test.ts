import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serviceAccountIssuer } from '../cluster/control-plane-servers.ts';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { type Installation, startInstallation } from './installation.ts';
import { isFull, lasting, rowTimeoutMs, times } from './length.ts';
import { inSeconds, observe, totalOf } from './observation.ts';
import { tenant } from './tenants.ts';

const replicaNames = ['one', 'two'];
const silent = { resource: 'mcpauthpolicies', cause: 'silent' };
const recoveryLimitMs = 30_000;

describeWithCluster('faults of the API server', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(replicaNames);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  /** Requests to the API server that got no answer, at all replicas. */
  const failedCalls = (): Promise<number> =>
    totalOf(installation, 'rest_client_requests_total', { code: '<error>' });

  /** Watches of policies that were given up as silent, at all replicas. */
  const watchesGivenUp = (): Promise<number> =>
    totalOf(installation, 'mcp_auth_watch_restarts_total', silent);

  /** Watches of policies that the API server has open. */
  async function openWatches(): Promise<number> {
    const text = await installation.kubectl('get', '--raw', '/metrics');
    const lines = text
      .split('\n')
      .filter(
        (line) =>
          line.startsWith('apiserver_longrunning_requests{') &&
          line.includes('resource="mcpauthpolicies"') &&
          line.includes('verb="WATCH"'),
      );
    return lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  }

  it('K1: the API server is gone', { timeout: rowTimeoutMs }, async () => {
    const { cluster, kubectl, apply, untilAnswer, untilReady } = installation;
    const forReviews = 'https://reviewed.example.com';
    await kubectl('-n', tenant, 'create', 'serviceaccount', 'caller');
    await apply('reviewed', { issuer: serviceAccountIssuer, audience: forReviews, mode: 'TokenReview' });
    await untilReady('reviewed', 30_000);
    const token = await kubectl('-n', tenant, 'create', 'token', 'caller', `--audience=${forReviews}`);
    await untilAnswer(`${tenant}/reviewed`, () => token, '200', 10_000);

    const outageMs = lasting({ seconds: 20, full: 300 });
    await using observation = await observe(installation);
    const failedBefore = await failedCalls();
    const startMs = performance.now();
    await cluster.stopApiServer();
    // Answers from memory end after ten seconds.
    const closedMs = await untilAnswer(`${tenant}/reviewed`, () => token, '503', 15_000);
    await delay(Math.max(0, outageMs - (performance.now() - startMs)));
    const failed = (await failedCalls()) - failedBefore;
    const triesPerSecond = failed / replicaNames.length / (outageMs / 1000);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    expect(triesPerSecond).toBeGreaterThan(0);
    // Three watches, two Leases and the probe of mode TokenReview, none more than once a second.
    expect(triesPerSecond).toBeLessThan(4);

    await cluster.startApiServer();
    const change = await installation.timeToChange(recoveryLimitMs);
    await untilAnswer(`${tenant}/reviewed`, () => token, '200', recoveryLimitMs);
    await observation.conclude({
      ...{ id: 'K1', fault: `API server gone for ${outageMs / 1000} s` },
      promised:
        'No failed good request in the modes OIDC and Offline; TokenReview answers 503 after at most 10 s. No busy loop. Changes take effect within 30 s of its return',
      ...{ during, change, recoveryLimitMs },
      more: `TokenReview 503 after ${inSeconds(closedMs)}; ${triesPerSecond.toFixed(1)} calls per second and replica while it was gone`,
    });
  });

  it('K2: the API server restarts again and again', { timeout: rowTimeoutMs }, async () => {
    const { cluster } = installation;
    const restarts = times({ short: 2, full: 6 });
    await using observation = await observe(installation);
    for (let restart = 0; restart < restarts; restart += 1) {
      await cluster.stopApiServer();
      await delay(3_000);
      await cluster.startApiServer();
    }
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);

    const change = await installation.timeToChange(recoveryLimitMs);
    const watches = await openWatches();
    expect(watches).toBe(replicaNames.length);
    await observation.conclude({
      ...{ id: 'K2', fault: `API server restarts ${restarts} times, 3 s away each time` },
      promised:
        'No failed good request; afterwards one watch for each replica; changes take effect within 30 s',
      ...{ during, change, recoveryLimitMs },
      more: `watches of policies: ${watches} of ${replicaNames.length} replicas`,
    });
  });

  it('K3: the API server holds its connections and says nothing', { timeout: rowTimeoutMs }, async () => {
    const { cluster } = installation;
    const [, apiServer] = cluster.processIds();
    if (apiServer === undefined) throw new Error('the API server does not run');
    const silenceMs = lasting({ seconds: 8, full: 75 });
    await using observation = await observe(installation);
    const givenUpBefore = await watchesGivenUp();
    process.kill(apiServer, 'SIGSTOP');
    await delay(silenceMs).finally(() => process.kill(apiServer, 'SIGCONT'));
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);

    const change = await installation.timeToChange(90_000);
    const givenUp = (await watchesGivenUp()) - givenUpBefore;
    // In the short version the silence ends before anybody could notice it.
    if (isFull) expect(givenUp).toBeGreaterThan(0);
    await observation.conclude({
      ...{ id: 'K3', fault: `API server silent for ${silenceMs / 1000} s, its connections open` },
      promised:
        'No failed good request; a watch is given up after 55 s of silence; changes take effect within 90 s of its return',
      ...{ during, change, recoveryLimitMs: 90_000 },
      more: `watches given up: ${givenUp}`,
    });
  });
});
