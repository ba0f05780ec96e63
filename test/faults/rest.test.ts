import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithCluster } from '../cluster/require-cluster.ts';
import { calls } from './audit-log.ts';
import { type Installation, startInstallation } from './installation.ts';
import { lasting, rowTimeoutMs } from './length.ts';
import { tell } from './reliability-table.ts';

describeWithCluster('rest', () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation(['one', 'two']);
  });

  afterAll(async () => {
    await installation?.stop();
  });

  it('K15: at rest', { timeout: rowTimeoutMs }, async () => {
    const restMs = lasting({ seconds: 10, full: 600 });
    await delay(3_000);
    const entries = installation.audit.since();
    await delay(restMs);
    expect(entries().length).toBeGreaterThan(0);
    expect(calls(entries())).toEqual([]);
    await tell({
      ...{ id: 'K15', fault: `At rest for ${restMs / 1000} s` },
      promised: 'No status write, and no call of the API server besides watches and Leases',
      measured: `status writes: 0; other calls: 0; watches and Leases: ${entries().length}`,
    });
  });
});
