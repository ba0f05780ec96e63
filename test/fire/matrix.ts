import { expect, test } from 'vitest';
import type { Script } from '../fixtures/scripted-response.ts';
import {
  allIsWell,
  held,
  recoveryMs,
  refreshMs,
  type Scene,
  type SceneOptions,
  startScene,
} from './scene.ts';

/** Faults of issuers (I) and what one tenant may try against another (T). Each has at least one test of its name. */
export const rowIds = [
  ...['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10', 'I11', 'I12', 'I13', 'I14'],
  ...['T1', 'T2', 'T3', 'T4'],
] as const;

/** How long a test may take on a busy machine; nothing is measured by it. */
const patienceMs = 60_000;

export type RowId = (typeof rowIds)[number];

/** A test of one row. However it goes, nobody is admitted wrongly, nothing is a bug and the canary is silent. */
export function row(
  id: RowId,
  title: string,
  run: (scene: Scene) => Promise<void>,
  options?: SceneOptions,
): void {
  test(`${id} ${title}`, { timeout: patienceMs }, async () => {
    await using scene = await startScene(options);
    await run(scene);
    scene.expectUnharmed();
  });
}

export interface Fault {
  readonly inject: (scene: Scene) => unknown;
  /** By default the issuer's two documents are what they were. */
  readonly end?: (scene: Scene) => unknown;
  /** Of `IssuerReady`, for a policy that has no keys yet. */
  readonly reason: string;
}

/** A policy whose first fetch meets the fault: it agrees with the other one in all but the place of the metadata. */
const late = 'team-a/late';
/** Requests of both policies in the time of a fault: an issuer in trouble is not hammered. */
const maxRequests = 60;

/**
 * A fault that lasts for one refresh. Keys that are held are used on and the status stays; who has none is told 503 and
 * not 401, and the status says why; when the fault has ended everything comes right by itself.
 */
export function fault(id: RowId, title: string, { inject, end = restoreDocuments, reason }: Fault): void {
  row(id, title, async (scene) => {
    const { issuer, replica } = scene;
    expect(await scene.callers(held)).toEqual(allIsWell);
    await inject(scene);
    const before = issuer.requests.length;
    const discoveryURL = `${issuer.issuer}${issuer.discoveryPath}`;
    scene.apply({ [late]: scene.spec(late, { discoveryURL }) });
    await scene.pass(refreshMs);

    expect(await scene.callers(held)).toEqual(allIsWell);
    expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
    const undecided = '503 keys_unavailable';
    expect(await scene.callers(late)).toEqual({ ...allIsWell, good: undecided, bad: undecided });
    expect(replica.reasons(late)).toMatchObject({ IssuerReady: reason, Ready: reason });
    expect(issuer.requests.length - before).toBeLessThanOrEqual(maxRequests);

    await end(scene);
    await scene.pass(recoveryMs);
    expect(await scene.callers(late)).toEqual(allIsWell);
    expect(await scene.callers(held)).toEqual(allIsWell);
    expect(replica.reasons(late)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
    expect(replica.history(late)).toEqual([reason, 'KeysLoaded']);
    expect(replica.history(held)).toEqual(['KeysLoaded']);
  });
}

function restoreDocuments({ issuer }: Scene): void {
  issuer.restore(issuer.discoveryPath);
  issuer.restore(issuer.jwksPath);
}

/** The same answer in the place of either document of the issuer. */
export function documents(id: RowId, title: string, reason: string, make: (scene: Scene) => Script): void {
  fault(id, `metadata: ${title}`, {
    inject: (scene) => scene.issuer.respond(scene.issuer.discoveryPath, make(scene)),
    reason,
  });
  fault(id, `key set: ${title}`, {
    inject: (scene) => scene.issuer.respond(scene.issuer.jwksPath, make(scene)),
    reason,
  });
}
