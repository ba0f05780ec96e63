import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { type Installation, policyUnderLoad, startInstallation } from './installation.ts';
import { lasting, rowTimeoutMs } from './length.ts';
import { ask } from './load.ts';
import { inSeconds, metricsOf, observe } from './observation.ts';
import { audience, tenant } from './tenants.ts';

const names = ['one', 'two', 'three'] as const;
type Name = (typeof names)[number];

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Replicas read it from a file, but not for each request. */
const untilReadMs = 100;

describeWithCluster('clocks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-clocks-'));
  const preload = pathToFileURL(join(import.meta.dirname, 'shifted-clock.ts'));
  let installation: Installation;

  beforeAll(async () => {
    for (const name of names) writeFileSync(join(folder, name), '0');
    installation = await startInstallation(names, {
      nodeOptionsOf: (name) => [`--import=${preload}?offset=${join(folder, name)}`],
    });
  });

  afterAll(async () => {
    await installation?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Sets the clocks of replicas: so many milliseconds ahead of the right time, or behind it. */
  async function setClocks(offsets: Readonly<Partial<Record<Name, number>>>): Promise<void> {
    for (const [name, ms] of Object.entries(offsets)) writeFileSync(join(folder, name), `${ms}`);
    await delay(untilReadMs);
  }

  /** What each replica answers to a token that was issued so many seconds from now, and expires so many seconds from now. */
  async function answersTo(iatIn: number, expIn: number): Promise<Readonly<Record<Name, string>>> {
    const { tenants, targets } = installation;
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: tenants.issuer.issuer, aud: audience, sub: 'alice' };
    const token = tenants.signer.sign({}, { ...claims, iat: now + iatIn, exp: now + expIn });
    const answers = targets().map(async ({ name, url }) => [name, await ask(url, token)]);
    return Object.fromEntries(await Promise.all(answers)) as Record<Name, string>;
  }

  async function offsetOf(name: Name): Promise<number> {
    const { read } = await metricsOf(installation.replicas.get(name));
    return read('mcp_auth_clock_offset_seconds') ?? Number.NaN;
  }

  it('P4: clocks are wrong, and are set', { timeout: rowTimeoutMs }, async () => {
    const { leader, untilAnswer, tenants } = installation;
    const eachMs = lasting({ seconds: 3, full: 15 });
    const leaderBefore = await leader();
    await using observation = await observe(installation);

    await setClocks({ one: 30_000, two: -30_000 });
    // By its own clock each allows for a minute.
    expect(await answersTo(-300, -45)).toEqual({ one: '401', two: '200', three: '200' });
    expect(await answersTo(45, 300)).toEqual({ one: '200', two: '401', three: '200' });
    await delay(eachMs);
    const littleOff = await observation.endFault();
    expect(littleOff.failedGood).toEqual([]);

    await setClocks({ one: 10 * minuteMs, two: -10 * minuteMs });
    expect(await answersTo(0, 300)).toEqual({ one: '401', two: '401', three: '200' });
    expect(await answersTo(600, 900)).toEqual({ one: '200', two: '401', three: '401' });
    expect(await answersTo(-600, -300)).toEqual({ one: '401', two: '200', three: '401' });
    await delay(eachMs);
    const offsets = await Promise.all(names.map(offsetOf));
    for (const [index, expected] of [600, -600, 0].entries()) {
      expect(Math.abs((offsets[index] ?? Number.NaN) - expected)).toBeLessThan(5);
    }

    // Set back by more than an hour, and ahead as after a sleep: keys are neither too old nor too new.
    await setClocks({ one: -hourMs, two: hourMs });
    expect(await answersTo(-3600, -3300)).toEqual({ one: '200', two: '401', three: '401' });
    expect(await answersTo(3600, 3900)).toEqual({ one: '401', two: '200', three: '401' });
    await delay(eachMs);
    await installation.apply('while-wrong', installation.specOf(tenant));
    const inStatusMs = await installation.untilReady('while-wrong', 10_000);
    const during = await observation.endFault();
    expect(during.failedGood.filter((answer) => answer.includes(' three '))).toEqual([]);
    // Whoever judges by a wrong clock judges: no one says that it cannot.
    expect(during.failedGood.filter((answer) => !answer.endsWith(' 401'))).toEqual([]);
    expect([...littleOff.wrongAccepts, ...during.wrongAccepts]).toEqual([]);

    await setClocks({ one: 0, two: 0 });
    const policy = `${tenant}/${policyUnderLoad}`;
    const rightMs = await untilAnswer(policy, () => tenants.token('good'), '200', 1_000);
    const change = await installation.timeToChange(10_000);
    expect(await leader()).toBe(leaderBefore);
    await observation.conclude({
      ...{
        id: 'P4',
        fault:
          'Clocks of two replicas 30 s ahead and behind, then 10 minutes, then an hour: set back and ahead in one step',
      },
      promised:
        'Each judges by its own clock, `clockSkew` included; the third does not notice; keys, Leases and statuses do not either; the metric says it; right at once when the clocks are',
      ...{ during, change, recoveryLimitMs: 10_000 },
      isOpenedAnew: true,
      more: `30 s off: ${littleOff.failedGood.length} failed good requests; offsets told: ${offsets.map(inWholeSeconds).join(', ')}; a new policy in the status after ${inSeconds(inStatusMs)} while they are an hour off; right again after ${inSeconds(rightMs)}`,
    });
  });
});

function inWholeSeconds(seconds: number): string {
  return `${Math.round(seconds)} s`;
}
