import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { readScrape, type Scrape } from '../fixtures/scrape.ts';
import { statusWrites } from './audit-log.ts';
import { memoryLimitBytes } from './footprint.ts';
import type { ChangeTime, Installation } from './installation.ts';
import { within } from './length.ts';
import { type Load, startLoad, type Tally } from './load.ts';
import { type MeasuredRow, tell } from './reliability-table.ts';

/** An installation under load while a fault comes and goes. */
export interface Observation extends AsyncDisposable {
  /** Ends the time of the fault: what became of the requests in it. */
  endFault(): Promise<Tally>;
  /** Asserts what holds after every fault, and prints the row. */
  conclude(row: RowInput): Promise<void>;
}

export interface RowInput extends Omit<MeasuredRow, 'measured'> {
  /** From `endFault`. */
  readonly during: Tally;
  /** Of a change that was made when the fault had ended. */
  readonly change: ChangeTime;
  /** Until that change must be in force. */
  readonly recoveryLimitMs: number;
  /** Good requests may fail after the fault until the change is in force: where all were denied in it. */
  readonly isOpenedAnew?: boolean;
  /** What else was measured. */
  readonly more?: string;
}

/** A round of all callers at all replicas, and more. */
const steadyMs = 1_000;

/** Puts the installation under load, whose replicas may be struck. */
export async function observe(
  installation: Installation,
  strikesAt?: (name: string) => number,
): Promise<Observation> {
  const { audit, tenants, targets } = installation;
  const load: Load = startLoad({ targets, token: tenants.token, ...(strikesAt && { strikesAt }) });
  const entries = audit.since();
  const fetchesBefore = countFetches(installation);
  await delay(steadyMs);
  expectSteady(await load.take());
  return {
    endFault: load.take,
    async conclude({ during, change, recoveryLimitMs, isOpenedAnew = false, more, ...row }) {
      const recovering = await load.take();
      await delay(steadyMs);
      expectSteady(await load.take());
      expect([...during.wrongAccepts, ...recovering.wrongAccepts]).toEqual([]);
      if (!isOpenedAnew) expect(recovering.failedGood).toEqual([]);
      expect(change.inForceMs).toBeLessThan(within(recoveryLimitMs));
      await expectUnharmed(installation);
      const facts = [
        `failed good requests: ${during.failedGood.length} in the fault, ${recovering.failedGood.length} until recovered`,
        `wrong accepts: 0 of ${during.sent + recovering.sent} requests`,
        `a change is in force after ${inSeconds(change.inForceMs)}, in the status after ${inSeconds(change.inStatusMs)}`,
        `status writes: ${statusWrites(entries()).length}`,
        `fetches at the issuers: ${countFetches(installation) - fetchesBefore}`,
        ...(more === undefined ? [] : [more]),
      ];
      await tell({ ...row, measured: facts.join('; ') });
    },
    [Symbol.asyncDispose]: load.stop,
  };
}

/** All good tokens and no other are let in, at every replica. */
function expectSteady(tally: Tally): void {
  expect(tally.sent).toBeGreaterThan(0);
  expect(tally.wrongAccepts).toEqual([]);
  expect(tally.failedGood).toEqual([]);
}

/** No bug has been met with, and nothing has been piled up. */
async function expectUnharmed({ replicas, inRotation }: Installation): Promise<void> {
  for (const name of inRotation) {
    const replica = replicas.get(name);
    expect(replica?.log()).not.toContain('"level":"error"');
    const { read } = await metricsOf(replica);
    expect(read('process_resident_memory_bytes')).toBeLessThan(memoryLimitBytes);
    expect(read('controller_runtime_reconcile_panics_total{controller="snapshot"}')).toBe(0);
  }
}

/** As it is printed. */
export function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Reads the metrics of a replica. */
export async function metricsOf(replica: { readonly adminURL: string } | undefined): Promise<Scrape> {
  return readScrape(await (await fetch(`${replica?.adminURL}/metrics`)).text());
}

/** Adds up what all replicas count under a name and these labels. */
export async function totalOf(
  { replicas }: Installation,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const wanted = Object.entries(labels);
  const scrapes = await Promise.all([...replicas.values()].map(metricsOf));
  return scrapes
    .flatMap(({ series }) => series)
    .filter((each) => each.name === name && wanted.every(([label, value]) => each.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

function countFetches({ tenants }: Installation): number {
  return tenants.issuer.requests.length + tenants.neighbourIssuer.requests.length;
}
