import { describe, it } from 'vitest';
import { findAssets } from './assets.ts';
import { waysToProvide } from './programs.ts';

const missing = await whatIsMissing();

/**
 * Registers a suite that needs a real API server.
 *
 * Without the programs it registers, in CI, one failing test that says what is missing; elsewhere the suite is
 * skipped, with one warning.
 *
 * @param fn registers the tests; a skipped suite calls it too, to list what is skipped, so it must not start
 *   anything outside of hooks and tests
 */
export function describeWithCluster(name: string, fn: () => void): void {
  if (missing === undefined) {
    describe(name, fn);
  } else if (process.env.CI) {
    describe(name, () => {
      it('has a real API server to run against', () => {
        throw new Error(missing);
      });
    });
  } else {
    console.warn(`skipped: ${name}: ${missing}`);
    describe.skip(name, fn);
  }
}

async function whatIsMissing(): Promise<string | undefined> {
  try {
    const assets = await findAssets();
    return assets === undefined
      ? `kube-apiserver, etcd and kubectl are missing; either ${waysToProvide.join('; or ')}`
      : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
