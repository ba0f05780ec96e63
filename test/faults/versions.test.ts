import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { McpAuthPolicy, McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { VERSION } from '../../operator/version.ts';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { statusWrites } from './audit-log.ts';
import { type Installation, startInstallation } from './installation.ts';
import { rowTimeoutMs } from './length.ts';
import { timeUntil } from './load.ts';
import { inSeconds, observe } from './observation.ts';
import { bundleAs } from './other-version.ts';
import { restart } from './rolling-restart.ts';
import { audience, tenant } from './tenants.ts';

const names = ['one', 'two', 'three'];
const otherVersion = '99.0.0';
/** Nobody calls at these: their statuses have no reason to change but the version. */
const quiet = Array.from({ length: 20 }, (_, index) => `quiet-${index}`);

describeWithCluster('versions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-auth-versions-'));
  let installation: Installation;
  let other: string;

  beforeAll(async () => {
    other = bundleAs(otherVersion, folder);
    installation = await startInstallation(names);
  });

  afterAll(async () => {
    await installation?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const seeAll = (): Promise<readonly McpAuthPolicy[]> =>
    Promise.all(quiet.map((name) => installation.see(name)));

  /** Restarts all replicas one by one; with one of them restarted and the others not, makes a change. */
  async function rollTo(version: string, program?: string): Promise<number> {
    let inForceMs = 0;
    for (const name of names) {
      expect((await restart(installation, name, program)).code).toBe(0);
      if (name === names[0]) inForceMs = await installation.timeUntilInForce(10_000);
    }
    await timeUntil(`the statuses are those of ${version}`, 30_000, async () => {
      return (await seeAll()).every(({ status }) => status?.verification?.operatorVersion === version);
    });
    await installation.untilReady('changing', 30_000);
    return inForceMs;
  }

  it('P5: from one version to another, and back', { timeout: rowTimeoutMs }, async () => {
    const { apply, specOf, audit, untilReady } = installation;
    for (const name of quiet) await apply(name, { ...specOf(tenant), audience: `${audience}/${name}` });
    for (const name of quiet) await untilReady(name, 30_000);
    const before = new Map((await seeAll()).map((policy) => [policy.metadata.name ?? '', policy]));
    const entries = audit.since();

    await using observation = await observe(installation);
    const there = await rollTo(otherVersion, other);
    const back = await rollTo(VERSION);
    const during = await observation.endFault();
    expect(during.failedGood).toEqual([]);

    const written = statusWrites(entries()).flatMap(({ responseObject: policy }) => {
      return policy && before.has(policy.metadata.name ?? '') ? [policy] : [];
    });
    for (const policy of [...written, ...(await seeAll())]) {
      const stored = before.get(policy.metadata.name ?? '');
      expect(policy.spec).toEqual(stored?.spec);
      expect(withoutVersion(policy)).toEqual(withoutVersion(stored));
    }
    // One for each new version that leads.
    expect(written).toHaveLength(2 * quiet.length);
    await observation.conclude({
      ...{ id: 'P5 versions', fault: 'Rolling update to another version, and back' },
      promised:
        'No failed good request; versions enforce side by side, and a change is in its status when all are of one version; no field is lost, and a status is written once for each version, to say that it was tested',
      ...{ during, change: await installation.timeToChange(10_000), recoveryLimitMs: 10_000 },
      more: `a change with both versions running is in force after ${inSeconds(there)} and ${inSeconds(back)}; writes of each quiet status: ${written.length / quiet.length}`,
    });
  });
});

/** A status without what a test by another version changes. */
function withoutVersion(policy: McpAuthPolicy | undefined): McpAuthPolicyStatus {
  const { verification, ...rest } = policy?.status ?? {};
  return { ...rest, verification: { ...verification, configDigest: '', operatorVersion: '', time: '' } };
}
