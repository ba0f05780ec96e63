import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { staleWrites, statusWrites } from './audit-log.ts';
import { startChurn } from './churn.ts';
import { type Footprint, footprintOf, inMebibytes } from './footprint.ts';
import { type Installation, startInstallation } from './installation.ts';
import { lasting, rowTimeoutMs } from './length.ts';
import { startLoad, timeUntil } from './load.ts';
import { observe } from './observation.ts';
import { chooseSeed, createSeededRandom } from './seeded-random.ts';
import { type Strikes, startStrikes } from './strikes.ts';

const names = ['one', 'two', 'three'];
const survivor = 'one';
/** Connections that are kept open for a while come and go. */
const spareDescriptors = 10;
const spareMemory = 64 * 1024 * 1024;

describeWithCluster('chaos', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(names);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  const footprint = (): Footprint | undefined => {
    const replica = installation.replicas.get(survivor);
    return replica && footprintOf(replica.pid);
  };

  /** The survivor holds no more than before. */
  async function tellFlatness(before: Footprint | undefined): Promise<string> {
    if (before === undefined) return 'descriptors and memory are not known here';
    await timeUntil('as few descriptors as before', 60_000, () => {
      return (footprint()?.descriptors ?? 0) <= before.descriptors + spareDescriptors;
    });
    const { descriptors, residentBytes } = footprint() ?? before;
    expect(residentBytes).toBeLessThan(before.residentBytes + spareMemory);
    return `the survivor's descriptors: ${before.descriptors}, then ${descriptors}, its memory: ${inMebibytes(before.residentBytes)}, then ${inMebibytes(residentBytes)}`;
  }

  it('replicas are killed and paused at random while policies change', {
    timeout: rowTimeoutMs,
  }, async () => {
    const { audit, targets, tenants } = installation;
    const seed = chooseSeed();
    process.stdout.write(`chaos: CHAOS_SEED=${seed}\n`);
    const random = createSeededRandom(seed);
    const chaosMs = lasting({ seconds: 20, full: 480 });
    const entries = audit.since();
    let strikes: Strikes | undefined;
    await using observation = await observe(installation, (name) => strikes?.at(name) ?? 0);
    const churn = startChurn(installation, random);
    // What good tokens get there changes all the time; bad ones are never let in.
    const atChurn = startLoad({ targets: () => targets(churn.policy()), token: tenants.token });
    const before = footprint();
    strikes = startStrikes(installation, random, {
      survivor,
      longestPauseMs: lasting({ seconds: 6, full: 30 }),
    });
    await delay(chaosMs);
    await Promise.all([strikes.stop(), churn.stop()]).finally(atChurn.stop);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);
    await churn.untilInEffect(45_000);
    expect((await atChurn.take()).wrongAccepts).toEqual([]);
    expect(statusWrites(entries()).some(({ responseObject }) => responseObject !== undefined)).toBe(true);
    expect(staleWrites(entries())).toEqual([]);
    const change = await installation.timeToChange(30_000);
    await observation.conclude({
      id: 'chaos',
      fault: `Random replicas killed (kill -9) and started again, or paused, two at a time, for ${chaosMs / 1000} s, while policies are created, changed and deleted`,
      promised:
        'No failed good request at a replica that is up; every change is in force everywhere and in its status in the end; no status older than one before; descriptors and memory flat',
      ...{ during, change, recoveryLimitMs: 30_000 },
      more: `${strikes.kills} kills, ${strikes.pauses} pauses, ${churn.count()} changes; ${during.lostGood.length} good requests were under way at one that was struck and got no answer; stale statuses: 0; ${await tellFlatness(before)}; seed ${seed}`,
    });
  });
});
