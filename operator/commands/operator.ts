import { randomBytes } from 'node:crypto';
import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { createCallerMemory } from '../enforcement/caller-memory.ts';
import { createEnforcement } from '../enforcement/enforcement.ts';
import { createRollout } from '../enforcement/rollout.ts';
import { createStatusBoard, type Told } from '../enforcement/status-board.ts';
import { createAdminEndpoint } from '../http/admin-endpoint.ts';
import { type Address, listen } from '../http/listener.ts';
import type { EndpointOptions } from '../options.ts';
import type { Compilation } from '../policy/compile.ts';
import { digestOf } from '../policy/digest.ts';
import type { ClusterFacts, SourceInputs } from '../policy/inputs.ts';
import { type OperatorConfiguration, secondsOf } from '../policy/operator-configuration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { sleep } from '../time/deadline.ts';
import { VERSION } from '../version.ts';
import { createAccessLog } from './access-log.ts';
import { announceSelfTest, announceSnapshot, countStates } from './announcements.ts';
import { followAssertionKeys, readAssertionKeys } from './assertion-key-files.ts';
import { coalesce } from './coalesce.ts';
import { logWarnings } from './configuration-warnings.ts';
import { createCurrentInputs } from './current-inputs.ts';
import { followConfiguration } from './follow-configuration.ts';
import { measureApply } from './measure-apply.ts';
import { observeRequests } from './observe-requests.ts';
import { createPublicSide } from './public-side.ts';
import { createReadiness } from './readiness.ts';
import type { Enforced } from './replicas.ts';
import { followTlsFiles, readTlsFiles } from './tls-files.ts';
import { type ClusterPorts, createVerification } from './verification.ts';

export interface Operator {
  readonly publicAddress: Address;
  readonly adminAddress: Address;
  /** Takes what a source delivers and puts it in force at once; returns what became of it. */
  update(delivery: SourceInputs): Compilation;
  /** Takes the digests of the snapshots that the live replicas enforce, this one among them. */
  seeReplicas(snapshots: readonly string[]): void;
  /** Has every status told again, to somebody who was not told before. */
  tellStatuses(): void;
  /** Takes what has been learned of the cluster; what was delivered is put in force again by it. */
  learn(facts: ClusterFacts): void;
  /**
   * Not ready any more, then no new requests; resolves when those under way have ended, or were cut.
   *
   * @param isBehindBalancer - goes on serving for a while first, until those in front have seen that it is not ready.
   */
  stop(isBehindBalancer: boolean): Promise<void>;
}

export interface OperatorParts {
  readonly options: EndpointOptions;
  /** What `options` say, read; edits of the file are followed from then on. */
  readonly configuration: OperatorConfiguration;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Absent without a cluster. */
  readonly cluster?: ClusterPorts;
  /** Whether this replica writes the statuses. */
  readonly isAuthor: () => boolean;
  /** Told of every snapshot that has been put in force here. */
  readonly onEnforced: (enforced: Enforced) => void;
  /** Told of every policy's status whenever it was computed. */
  readonly onStatus: (object: UntypedObject, status: McpAuthPolicyStatus, told: Told) => void;
}

/** How long requests may go on after a signal to stop. */
const graceMs = 20_000;

/**
 * Wires everything that is the same whatever the policies come from, starts to listen, and follows the files that
 * `options` name.
 */
export async function startOperator(parts: OperatorParts): Promise<Operator> {
  const { options, configuration, clock, log, metrics, cluster } = parts;
  const hasCluster = cluster !== undefined;
  metrics.countByPolicy(configuration.metrics.byPolicy);
  let lameDuckMs = secondsOf(configuration.intervals.lameDuck) * 1000;
  logWarnings(configuration, log, { hasCluster });
  const { isAuthor, onStatus } = parts;
  const keyFiles = { directory: options.assertionKeys, processKey: randomBytes(32) };
  let assertionKeys = await readAssertionKeys(keyFiles);
  const board = createStatusBoard({ clock, operatorVersion: VERSION, isAuthor, onStatus });
  const rollout = createRollout();
  const report = coalesce(clock, () => {
    // Replicas may be heard of before there is anything to enforce.
    if (enforcement.currentSnapshot() === undefined) return;
    const reports = enforcement.reports();
    board.update(inputs.objects(), reports);
    readiness.note(reports);
    metrics.setPolicies(countStates(reports));
  });
  const verification = createVerification({
    clock,
    log,
    metrics: metrics.keys,
    refreshSeconds: secondsOf(configuration.intervals.keyRefresh),
    ...(cluster === undefined ? {} : { cluster }),
    onChange: report,
    onSelfTest: (policy, outcome) => announceSelfTest(policy, outcome, { log, metrics }),
  });
  const callers = createCallerMemory(clock, report);
  const accessLog = createAccessLog({
    log,
    clock,
    random: Math.random,
    admittedOneIn: configuration.accessLog.admittedOneIn,
  });
  const enforcement = createEnforcement({
    ...verification,
    callersOf: callers.factsOf,
    hasReachedAll: rollout.hasReachedAll,
    operatorVersion: VERSION,
    signsAssertions: () => assertionKeys.signing !== undefined,
    onSnapshot: (compilation) => {
      publicSide.keepOnly(compilation.snapshot);
      callers.keepOnly(compilation.snapshot);
      announceSnapshot(compilation, { log, metrics, clock });
      rollout.note(compilation.snapshot);
      parts.onEnforced({
        snapshot: compilation.snapshot.digest,
        configuration: digestOf(inputs.configuration()),
      });
    },
    onReports: report,
  });
  const inputs = createCurrentInputs(configuration, measureApply(enforcement.apply, { clock, metrics }));
  const readiness = createReadiness(clock);
  const publicSide = createPublicSide({
    verifyToken: verification.verifyToken,
    currentSnapshot: enforcement.currentSnapshot,
    currentConfiguration: inputs.configuration,
    currentKeys: () => assertionKeys,
    observer: observeRequests({ metrics, callers, accessLog }),
    clock,
    log,
    metrics,
  });
  const adminEndpoint = createAdminEndpoint({
    isReady: readiness.isReady,
    renderMetrics: metrics.render,
    listPolicies: board.list,
  });
  const identity = options.tlsFiles && (await readTlsFiles(options.tlsFiles));
  const publicListener = await listen(publicSide.endpoint, options.listen, identity);
  const adminListener = await listen(adminEndpoint, options.adminListen).catch(async (error: unknown) => {
    await publicListener.drain(0);
    throw error;
  });
  const unfollowTlsFiles =
    options.tlsFiles &&
    identity &&
    followTlsFiles(options.tlsFiles, identity, publicListener, { clock, log });
  const unfollowAssertionKeys = followAssertionKeys(assertionKeys, {
    ...{ ...keyFiles, clock, log },
    onChange(keys) {
      assertionKeys = keys;
      report();
    },
  });
  const unfollowConfiguration = followConfiguration({ ...parts, onChange: reconfigure });

  function reconfigure(next: OperatorConfiguration): void {
    lameDuckMs = secondsOf(next.intervals.lameDuck) * 1000;
    metrics.countByPolicy(next.metrics.byPolicy);
    accessLog.sampleOneIn(next.accessLog.admittedOneIn);
    logWarnings(next, log, { hasCluster });
    verification.keyStore.setRefreshSeconds(secondsOf(next.intervals.keyRefresh));
    inputs.configure(next);
  }

  return {
    publicAddress: publicListener.address,
    adminAddress: adminListener.address,
    update: inputs.deliver,
    seeReplicas(snapshots) {
      rollout.see(snapshots);
      report();
    },
    tellStatuses() {
      board.tellAnew();
      report();
    },
    learn: inputs.learn,
    async stop(isBehindBalancer) {
      readiness.end();
      if (isBehindBalancer) await sleep(clock, lameDuckMs, new AbortController().signal);
      unfollowConfiguration();
      unfollowTlsFiles?.();
      unfollowAssertionKeys();
      const drained = publicListener.drain(graceMs);
      publicSide.endStreams();
      await drained;
      await adminListener.drain(0);
      verification.close();
      callers.close();
    },
  };
}

/** Log fields that say where the operator listens. */
export function describeListeners(
  { publicAddress, adminAddress }: Operator,
  { publicURL }: OperatorConfiguration,
): Readonly<Record<string, string | undefined>> {
  return {
    version: VERSION,
    listen: describe(publicAddress),
    adminListen: describe(adminAddress),
    publicURL,
  };
}

function describe({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
