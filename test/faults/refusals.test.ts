import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import type { RequestFault } from '../controller/fake-faults.ts';
import type { ApiLine, LineRequest } from './api-line.ts';
import { staleWrites } from './audit-log.ts';
import { isStatusWrite, policies } from './disturbances.ts';
import { edit, untilEdited } from './edits.ts';
import { type Installation, operatorNamespace, startInstallation } from './installation.ts';
import { isFull, lasting, rowTimeoutMs, times, within } from './length.ts';
import { timeUntil } from './load.ts';
import { inSeconds, observe, totalOf } from './observation.ts';

const names = ['one', 'two', 'three'];
const rbac = join(import.meta.dirname, '../../manifests/rbac.yaml');
const retryAfterSeconds = 5;
const refusals: readonly RequestFault[] = [
  { status: 429, reason: 'TooManyRequests', retryAfter: `${retryAfterSeconds}` },
  { status: 503, reason: 'ServiceUnavailable' },
  ...(isFull ? [{ status: 500, reason: 'InternalError' }] : []),
];

const isRead = ({ verb }: LineRequest): boolean => verb === 'list' || verb === 'watch';

describeWithCluster('refusals by the API server', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(names, { hasLines: true });
  });

  afterAll(async () => {
    await installation?.stop();
  });

  afterEach(() => {
    for (const line of lines()) line.mend();
  });

  const lines = (): readonly ApiLine[] => [...installation.lines.values()];

  /** Refuses requests for a time; gives those that were refused, of each line. */
  async function refuse(
    isMeant: (request: LineRequest) => boolean,
    fault: RequestFault,
    ms: number,
    meanwhile: () => Promise<void>,
  ): Promise<readonly (readonly LineRequest[])[]> {
    const refused = lines().map((line) => {
      const those: LineRequest[] = [];
      line.refuse((request) => {
        if (!isMeant(request)) return undefined;
        those.push(request);
        return fault;
      });
      return those;
    });
    await meanwhile();
    await delay(ms);
    for (const line of lines()) line.mend();
    return refused;
  }

  /** Nobody who was refused has come back before `Retry-After`, or more than twice a second. */
  function expectPatience(
    refused: readonly (readonly LineRequest[])[],
    fault: RequestFault,
    ms: number,
  ): void {
    const hasToWait = typeof fault === 'object' && 'retryAfter' in fault;
    for (const those of refused) {
      for (const [what, requests] of Map.groupBy(those, ({ verb, path }) => `${verb} ${path}`)) {
        const gaps = requests.slice(1).map(({ timeMs }, index) => timeMs - (requests[index]?.timeMs ?? 0));
        // Timers may be a little early.
        const tooSoon = gaps.filter((gap) => gap < retryAfterSeconds * 1000 - 10);
        if (hasToWait) expect(tooSoon, what).toEqual([]);
        // A status that changes once more is written at once.
        expect(requests.length, what).toBeLessThan(4 + (2 * ms) / 1000);
      }
    }
  }

  it('K6: lists, watches and statuses are refused', { timeout: rowTimeoutMs }, async () => {
    const ms = lasting({ seconds: 6, full: 20 });
    await using observation = await observe(installation);
    const inForceMs: number[] = [];
    const inStatusMs: number[] = [];
    let count = 0;
    for (const fault of refusals) {
      const change = `refused/${inForceMs.length}`;
      const reads = await refuse(isRead, fault, ms, async () => {
        for (const line of lines()) line.breakWatches(policies, 'end');
        await edit(installation, 'edited', change);
      });
      inForceMs.push(await untilEdited(installation, 'edited', change, 30_000));
      await installation.untilReady('edited', 30_000);
      const writes = await refuse(isStatusWrite, fault, ms, () =>
        edit(installation, 'edited', `${change}/again`),
      );
      inStatusMs.push(await installation.untilReady('edited', 30_000));
      for (const refused of [reads, writes]) {
        expect(refused.flat().length).toBeGreaterThan(0);
        expectPatience(refused, fault, ms);
        count += refused.flat().length;
      }
    }
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{
        id: 'K6',
        fault: `Lists and watches, then statuses, are refused for ${ms / 1000} s each: 429 with Retry-After, 503${isFull ? ', 500' : ''}`,
      },
      promised:
        'No failed good request; nobody comes back before Retry-After, or more than twice a second; changes are in force, and in the status, 30 s afterwards',
      ...{ during, change: await installation.timeToChange(30_000), recoveryLimitMs: 30_000 },
      more: `refused: ${count}; in force after ${inForceMs.map(inSeconds).join(', ')}, in the status after ${inStatusMs.map(inSeconds).join(', ')}`,
    });
  });

  it('K7: the token is revoked, then the rights are', { timeout: rowTimeoutMs }, async () => {
    const { kubectl, renewToken } = installation;
    const ms = lasting({ seconds: 3, full: 20 });
    await using observation = await observe(installation);
    const refusedWith = async (code: number): Promise<void> => {
      const before = await answers(code);
      for (const line of lines()) await line.cut();
      await timeUntil(`requests are answered ${code}`, 20_000, async () => (await answers(code)) > before);
    };

    await kubectl('-n', operatorNamespace, 'delete', 'serviceaccount', operatorNamespace);
    // What the API server has found good it remembers for ten seconds.
    await timeUntil('the token is refused', 20_000, async () => (await answers(401)) > 0);
    await refusedWith(401);
    await edit(installation, 'edited', 'revoked');
    await delay(ms);
    await kubectl('-n', operatorNamespace, 'create', 'serviceaccount', operatorNamespace);
    await renewToken();
    const tokenMs = await untilEdited(installation, 'edited', 'revoked', 60_000);
    await installation.untilReady('edited', 60_000);

    await kubectl('delete', 'clusterrolebinding', operatorNamespace);
    await refusedWith(403);
    await edit(installation, 'edited', 'forbidden');
    await delay(ms);
    await kubectl('apply', '-f', rbac);
    const rightsMs = await untilEdited(installation, 'edited', 'forbidden', 60_000);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{
        id: 'K7',
        fault:
          'ServiceAccount deleted, and created again with another token; then its ClusterRoleBinding deleted, and created again',
      },
      promised:
        'No failed good request: what was known is served; the token is read again from its file; changes are in force within 60 s',
      ...{ during, change: await installation.timeToChange(60_000), recoveryLimitMs: 60_000 },
      more: `401 to ${await answers(401)} requests, 403 to ${await answers(403)}; a change is in force ${inSeconds(tokenMs)} after there is a token, ${inSeconds(rightsMs)} after there are rights`,
    });
  });

  it('K9: each write of a status is a conflict', { timeout: rowTimeoutMs }, async () => {
    const ms = lasting({ seconds: 5, full: 30 });
    const edited = Array.from({ length: times({ short: 5, full: 20 }) }, (_, index) => `conflict-${index}`);
    await using observation = await observe(installation);
    const conflict = { status: 409, reason: 'Conflict' };
    const refused = await refuse(isStatusWrite, conflict, ms, async () => {
      for (const name of edited) await edit(installation, name, name);
      for (const name of edited) await untilEdited(installation, name, name, 10_000);
    });
    expect(refused.flat().length).toBeGreaterThanOrEqual(edited.length);
    expectPatience(refused, conflict, ms);
    const inStatusMs = Math.max(
      ...(await Promise.all(edited.map((name) => installation.untilReady(name, 60_000)))),
    );
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{
        id: 'K9',
        fault: `Each write of a status is answered 409 for ${ms / 1000} s, while ${edited.length} policies are created`,
      },
      promised:
        'No failed good request; policies are in force; each write is tried ever more rarely; all statuses are written 60 s afterwards',
      ...{ during, change: await installation.timeToChange(10_000), recoveryLimitMs: 10_000 },
      more: `refused: ${refused.flat().length}; in the status after ${inSeconds(inStatusMs)}`,
    });
  });

  it('K16: the leader is cut off from the API server', { timeout: rowTimeoutMs }, async () => {
    const { leader, inRotation, audit } = installation;
    await using observation = await observe(installation);
    const old = await leader();
    const line = installation.lines.get(old);
    const entries = audit.since();
    line?.refuse(() => 'hang');
    await line?.cut();
    const failoverMs = await timeUntil('another replica leads', 30_000, async () => {
      return !['', old].includes(await leader());
    });
    await edit(installation, 'edited', 'split');
    inRotation.delete(old);
    const meanwhileMs = await untilEdited(installation, 'edited', 'split', 10_000);
    inRotation.add(old);
    await delay(lasting({ seconds: 2, full: 30 }));
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);

    const next = await leader();
    line?.mend();
    const backMs = await untilEdited(installation, 'edited', 'split', 60_000);
    const change = await installation.timeToChange(60_000);
    expect(await leader()).toBe(next);
    expect(staleWrites(entries())).toEqual([]);
    expect(failoverMs).toBeLessThan(within(20_000));
    await observation.conclude({
      ...{ id: 'K16 split', fault: 'The leader, and only it, gets no answer from the API server' },
      promised:
        'No failed good request, at the old leader neither; another leads within 20 s; the old one follows when it is back, and overwrites nothing',
      ...{ during, change, recoveryLimitMs: 60_000 },
      more: `another leads after ${inSeconds(failoverMs)}; a change meanwhile is in force at the others after ${inSeconds(meanwhileMs)}, at the old leader ${inSeconds(backMs)} after it is back`,
    });
  });

  /** How many requests of all replicas were answered with this status code. */
  const answers = (code: number): Promise<number> =>
    totalOf(installation, 'rest_client_requests_total', { code: `${code}` });
});
