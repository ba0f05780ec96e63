import { randomBytes } from 'node:crypto';
import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { createCallerMemory } from '../enforcement/caller-memory.ts';
import { createEnforcement } from '../enforcement/enforcement.ts';
import { createRollout } from '../enforcement/rollout.ts';
import type { Told } from '../enforcement/status-board.ts';
import { programmedBefore } from '../enforcement/stored-status.ts';
import { createAdminEndpoint } from '../http/admin-endpoint.ts';
import type { AssertionKeys } from '../identity/assertion-keys.ts';
import type { EndpointOptions } from '../options.ts';
import type { Compilation } from '../policy/compile.ts';
import { digestOf } from '../policy/digest.ts';
import { type EnforcedDigests, enforcedDigestsOf } from '../policy/enforced-digests.ts';
import type { ClusterFacts, SourceInputs } from '../policy/inputs.ts';
import { type OperatorConfiguration, secondsOf } from '../policy/operator-configuration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { sleep } from '../time/deadline.ts';
import { VERSION } from '../version.ts';
import { createAccessLog } from './access-log.ts';
import { announceSelfTest, announceSnapshot } from './announcements.ts';
import { followAssertionKeys, readAssertionKeys } from './assertion-key-files.ts';
import { logWarnings } from './configuration-warnings.ts';
import { type CurrentInputs, createCurrentInputs } from './current-inputs.ts';
import { followConfiguration } from './follow-configuration.ts';
import { type Addresses, startListeners } from './listeners.ts';
import { measureApply } from './measure-apply.ts';
import { observeRequests } from './observe-requests.ts';
import { createPublicSide, type PublicSide } from './public-side.ts';
import type { Enforced } from './replicas.ts';
import { createReporting, type Reporting } from './reporting.ts';
import { type ClusterPorts, createVerification } from './verification.ts';

export interface Operator extends Addresses {
  /** Takes what a source delivers and puts it in force at once; returns what became of it. */
  update(delivery: SourceInputs): Compilation;
  /** Takes what the live replicas enforce, this one among them. */
  seeReplicas(live: readonly EnforcedDigests[]): void;
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

/** Starts to listen, and follows the files that `options` name. */
export async function startOperator(parts: OperatorParts): Promise<Operator> {
  const { options, configuration, clock, log } = parts;
  const keyFiles = { directory: options.assertionKeys, processKey: randomBytes(32) };
  let assertionKeys = await readAssertionKeys(keyFiles);
  const { inputs, publicSide, reporting, seeReplicas, reconfigure, close } = wire(parts, () => assertionKeys);
  reconfigure(configuration);
  const listeners = await startListeners({
    ...{ options, clock, log },
    publicEndpoint: publicSide.endpoint,
    adminEndpoint: createAdminEndpoint({
      isReady: reporting.isReady,
      renderMetrics: parts.metrics.render,
      listPolicies: reporting.list,
    }),
  });
  const unfollowAssertionKeys = followAssertionKeys(assertionKeys, {
    ...{ ...keyFiles, clock, log },
    onChange(keys) {
      assertionKeys = keys;
      reporting.request();
    },
  });
  const unfollowConfiguration = followConfiguration({ ...parts, onChange: reconfigure });
  return {
    ...{ publicAddress: listeners.publicAddress, adminAddress: listeners.adminAddress },
    ...{ update: inputs.deliver, learn: inputs.learn, seeReplicas, tellStatuses: reporting.tellAnew },
    async stop(isBehindBalancer) {
      reporting.end();
      const lameDuckMs = secondsOf(inputs.configuration().intervals.lameDuck) * 1000;
      if (isBehindBalancer) await sleep(clock, lameDuckMs, new AbortController().signal);
      unfollowConfiguration();
      unfollowAssertionKeys();
      const drained = listeners.drain(graceMs);
      publicSide.endStreams();
      await drained;
      close();
    },
  };
}

/** Everything between what a source delivers and what callers are answered, and administrators are told. */
interface Wired {
  readonly inputs: CurrentInputs;
  readonly publicSide: PublicSide;
  readonly reporting: Reporting;
  readonly seeReplicas: Operator['seeReplicas'];
  /** Puts a configuration in force. */
  reconfigure(configuration: OperatorConfiguration): void;
  close(): void;
}

function wire(parts: OperatorParts, currentKeys: () => AssertionKeys): Wired {
  const { clock, log, metrics, cluster } = parts;
  const rollout = createRollout();
  const reporting = createReporting({
    ...parts,
    current: () =>
      // Replicas may be heard of before there is anything to enforce.
      enforcement.currentSnapshot() && { objects: inputs.objects(), reports: enforcement.reports() },
  });
  const verification = createVerification({
    ...{ clock, log, metrics: metrics.keys },
    refreshSeconds: secondsOf(parts.configuration.intervals.keyRefresh),
    ...(cluster === undefined ? {} : { cluster }),
    onChange: reporting.request,
    onSelfTest: (policy, outcome) => announceSelfTest(policy, outcome, { log, metrics }),
  });
  const callers = createCallerMemory(clock, reporting.request);
  const enforcement = createEnforcement({
    ...verification,
    callersOf: callers.factsOf,
    hasReachedAll: rollout.hasReachedAll,
    operatorVersion: VERSION,
    signsAssertions: () => currentKeys().signing !== undefined,
    onSnapshot(compilation, isFirst) {
      const { snapshot } = compilation;
      publicSide.keepOnly(snapshot);
      callers.keepOnly(snapshot);
      announceSnapshot(compilation, { log, metrics, clock });
      const digests = enforcedDigestsOf(snapshot);
      if (isFirst) rollout.trust(programmedBefore(inputs.objects(), snapshot, VERSION));
      rollout.note(snapshot, digests);
      parts.onEnforced({ ...digests, configuration: digestOf(inputs.configuration()) });
    },
    onReports: reporting.request,
  });
  const inputs = createCurrentInputs(
    parts.configuration,
    measureApply(enforcement.apply, { clock, metrics }),
  );
  const accessLog = createAccessLog({
    ...{ log, clock, random: Math.random },
    admittedOneIn: () => inputs.configuration().accessLog.admittedOneIn,
  });
  const publicSide = createPublicSide({
    ...{ clock, log, metrics, currentKeys },
    verifyToken: verification.verifyToken,
    currentSnapshot: enforcement.currentSnapshot,
    currentConfiguration: inputs.configuration,
    observer: observeRequests({ metrics, callers, accessLog }),
  });
  return {
    ...{ inputs, publicSide, reporting },
    seeReplicas(live) {
      rollout.see(live);
      reporting.request();
    },
    reconfigure(next) {
      metrics.countByPolicy(next.metrics.byPolicy);
      logWarnings(next, log, { hasCluster: cluster !== undefined });
      verification.keyStore.setRefreshSeconds(secondsOf(next.intervals.keyRefresh));
      inputs.configure(next);
    },
    close() {
      verification.close();
      callers.close();
    },
  };
}
