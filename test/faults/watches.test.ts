import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import type { WatchFault } from '../controller/fake-faults.ts';
import type { ApiLine } from './api-line.ts';
import {
  createSwap,
  doubled,
  isList,
  isWatch,
  policies,
  refuseOnce,
  untouched,
  withheld,
} from './disturbances.ts';
import { edit, untilEdited } from './edits.ts';
import { type Installation, startInstallation } from './installation.ts';
import { isFull, lasting, rowTimeoutMs } from './length.ts';
import { inSeconds, observe, totalOf } from './observation.ts';
import { tenant } from './tenants.ts';

const names = ['one', 'two'];
const tooOld = { status: 410, reason: 'Expired' };
const unreadable: readonly WatchFault[] = [
  ...(['truncated-line', 'not-json', 'endless-line'] as const),
  ...(isFull ? (['unknown-type', 'no-event', 'nameless-object'] as const) : []),
];

describeWithCluster('faults of watches', () => {
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
  const good = (): string => installation.tenants.token('good');

  const relists = (): Promise<number> =>
    totalOf(installation, 'mcp_auth_relists_total', { resource: policies });
  const malformed = (): Promise<number> =>
    totalOf(installation, 'mcp_auth_watch_restarts_total', { resource: policies, cause: 'malformed' });

  /** Long enough for the failure before to be forgotten: the next one is the first again. */
  const calm = (): Promise<void> => delay(20_000);

  /**
   * Deletes, edits and creates policies behind the replicas' backs and breaks their watches.
   *
   * @returns how many milliseconds later all of it is in force
   */
  async function missAndBreak(
    change: string,
    limitMs: number,
    breakIt: (line: ApiLine) => void,
  ): Promise<number> {
    const { kubectl, untilAnswer, apply, specOf } = installation;
    await apply('doomed', specOf(tenant));
    await edit(installation, 'edited', `before/${change}`);
    await untilAnswer(`${tenant}/doomed`, good, '200', 10_000);
    await untilEdited(installation, 'edited', `before/${change}`, 10_000);
    for (const line of lines()) line.passEvents(policies, withheld);
    await kubectl('-n', tenant, 'delete', 'mcpap', 'doomed');
    await edit(installation, 'edited', change);
    await edit(installation, change, change);
    await delay(500);
    // Nothing of it has come.
    await untilAnswer(`${tenant}/doomed`, good, '200', 0);
    for (const line of lines()) {
      breakIt(line);
      line.passEvents(policies, untouched);
    }
    const seenMs = await Promise.all([
      untilAnswer(`${tenant}/doomed`, good, '404', limitMs),
      untilEdited(installation, 'edited', change, limitMs),
      untilEdited(installation, change, change, limitMs),
    ]);
    return Math.max(...seenMs);
  }

  it('K10: events come twice, in the wrong order, or not before the connection breaks', {
    timeout: rowTimeoutMs,
  }, async () => {
    await using observation = await observe(installation);
    const edits = 10;
    const before = await relists();
    const editAll = async (change: string): Promise<number> => {
      for (let turn = 1; turn <= edits; turn += 1) await edit(installation, change, `${change}/${turn}`);
      return await untilEdited(installation, change, `${change}/${edits}`, 10_000);
    };
    for (const line of lines()) line.passEvents(policies, doubled);
    const twiceMs = await editAll('twice');
    expect((await relists()) - before).toBe(0);
    for (const line of lines()) line.passEvents(policies, createSwap());
    const swappedMs = await editAll('swapped');
    expect((await relists()) - before).toBeGreaterThanOrEqual(names.length);
    await calm();
    const missedMs = await missAndBreak('missed', 10_000, (line) => line.breakWatches(policies, 'fin'));
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{
        id: 'K10',
        fault: `${edits} edits whose events come twice, or in the wrong order; events that get lost with the connection`,
      },
      promised: 'No failed good request; what is in force in the end is what is stored, within 10 s',
      ...{ during, change: await installation.timeToChange(10_000), recoveryLimitMs: 10_000 },
      more: `in force after ${[twiceMs, swappedMs, missedMs].map(inSeconds).join(', ')}`,
    });
  });

  it('K4: the API server says that a version is too old', { timeout: rowTimeoutMs }, async () => {
    await using observation = await observe(installation);
    const before = await relists();
    await calm();
    const inWatchMs = await missAndBreak('gone-in-watch', 10_000, (line) => {
      line.breakWatches(policies, 'gone-event');
    });
    await calm();
    const onWatchMs = await missAndBreak('gone-on-watch', 10_000, (line) => {
      refuseOnce(line, [isWatch], tooOld);
      line.breakWatches(policies, 'end');
    });
    await calm();
    const onListMs = await missAndBreak('gone-on-list', 10_000, (line) => {
      refuseOnce(line, [isWatch, isList], tooOld);
      line.breakWatches(policies, 'end');
    });
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    // One for each replica and time, no more.
    expect((await relists()) - before).toBe(3 * names.length);
    await observation.conclude({
      ...{ id: 'K4', fault: '410 in a watch, at its beginning, and for the list that follows' },
      promised:
        'No failed good request, no policy that vanishes; one list each; what was missed, deletions too, is in force within 10 s',
      ...{ during, change: await installation.timeToChange(10_000), recoveryLimitMs: 10_000 },
      more: `in force after ${[inWatchMs, onWatchMs, onListMs].map(inSeconds).join(', ')}; lists: one for each`,
    });
  });

  it('K5: etcd is compacted while the policies are quiet', { timeout: rowTimeoutMs }, async () => {
    const { cluster, kubectl } = installation;
    const quietMs = lasting({ seconds: 5, full: 110 });
    await using observation = await observe(installation);
    const before = await relists();
    const endMs = performance.now() + quietMs;
    let writes = 0;
    while (performance.now() < endMs) {
      writes += 1;
      await kubectl('annotate', 'namespace', 'default', `turn=${writes}`, '--overwrite');
      await delay(250);
    }
    await cluster.compact();
    expect((await relists()) - before).toBe(0);
    for (const line of lines()) await line.cut();
    const change = await installation.timeToChange(10_000);
    const after = (await relists()) - before;
    expect(after).toBeLessThanOrEqual(names.length);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await observation.conclude({
      ...{
        id: 'K5',
        fault: `No policy changes for ${quietMs / 1000} s while others do; then compaction, and broken connections`,
      },
      promised:
        'No failed good request; no list while it is quiet, afterwards one for each replica at most; changes take effect within 10 s',
      ...{ during, change, recoveryLimitMs: 10_000 },
      more: `${writes} other changes; lists: 0 while it was quiet, ${after} afterwards`,
    });
  });

  it('K8: watches bring what cannot be read', { timeout: rowTimeoutMs }, async () => {
    await using observation = await observe(installation);
    const before = await malformed();
    const seenMs: number[] = [];
    for (const fault of unreadable) {
      seenMs.push(await missAndBreak(fault, 60_000, (line) => line.breakWatches(policies, fault)));
    }
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    const counted = (await malformed()) - before;
    // A line that ends too early is a broken connection.
    expect(counted).toBe((unreadable.length - 1) * names.length);
    await observation.conclude({
      ...{ id: 'K8', fault: `Lines of watches: ${unreadable.join(', ')}; one after the other` },
      promised:
        'No failed good request, no crash; each is counted, and what was missed is in force within 60 s',
      ...{ during, change: await installation.timeToChange(60_000), recoveryLimitMs: 60_000 },
      more: `in force after ${seenMs.map(inSeconds).join(', ')}; counted as malformed: ${counted}`,
    });
  });
});
