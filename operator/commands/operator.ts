import type { UntypedObject } from '../api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { createCallerMemory } from '../enforcement/caller-memory.ts';
import { createEnforcement } from '../enforcement/enforcement.ts';
import { createStatusBoard } from '../enforcement/status-board.ts';
import { createAdminEndpoint } from '../http/admin-endpoint.ts';
import { Exchanges } from '../http/exchanges.ts';
import { createGate } from '../http/gate.ts';
import { type Address, listen } from '../http/listener.ts';
import { createBuiltInServer } from '../http/mcp.ts';
import { createPublicEndpoint } from '../http/public-endpoint.ts';
import { createKeyStore } from '../keys/key-store.ts';
import type { EndpointOptions } from '../options.ts';
import type { Compilation } from '../policy/compile.ts';
import { type Inputs, noCluster } from '../policy/inputs.ts';
import { type OperatorConfiguration, secondsOf } from '../policy/operator-configuration.ts';
import { createSelfTest } from '../self-test/self-test.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { createTokenVerifier } from '../verify/verify-token.ts';
import { VERSION } from '../version.ts';
import { coalesce } from './coalesce.ts';
import { createDecisionLog } from './decision-log.ts';
import { createReadiness } from './readiness.ts';
import { followTlsFiles, readTlsFiles } from './tls-files.ts';

/** What a source of policies delivers, whole, each time something has changed. */
export type Delivery = Pick<Inputs, 'policies' | 'configMaps'>;

export interface Operator {
  readonly publicAddress: Address;
  readonly adminAddress: Address;
  /** Takes what a source delivers and puts it in force at once; returns what became of it. */
  update(delivery: Delivery): Compilation;
  /** Not ready any more, no new requests; resolves when those under way have ended, or were cut. */
  stop(): Promise<void>;
}

export interface OperatorParts {
  readonly options: EndpointOptions;
  readonly configuration: OperatorConfiguration;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Told of every policy's status whenever it was computed; `isNew` when it differs from the one before. */
  readonly onStatus: (object: UntypedObject, status: McpAuthPolicyStatus, isNew: boolean) => void;
}

/** How long requests may go on after a signal to stop. */
const graceMs = 20_000;

/** Wires everything that is the same whatever the policies come from, and starts to listen. */
export async function startOperator(parts: OperatorParts): Promise<Operator> {
  const { options, configuration, clock, log, metrics } = parts;
  if (configuration.publicURL === undefined) {
    log.warn('no publicURL is configured: only resources on hosts of their own are served');
  }
  let objects: readonly UntypedObject[] = [];
  const board = createStatusBoard({ clock, operatorVersion: VERSION, onStatus: parts.onStatus });
  const report = coalesce(clock, () => {
    const reports = enforcement.reports();
    board.update(objects, reports);
    readiness.note(reports);
    metrics.setPolicies(countStates(reports));
  });
  const keyStore = createKeyStore({
    clock,
    log,
    random: Math.random,
    refreshSeconds: secondsOf(configuration.intervals.keyRefresh),
    onChange: report,
  });
  const exchanges = new Exchanges(clock);
  const callers = createCallerMemory(clock, report);
  const logDecision = createDecisionLog({ log, clock, metrics });
  const enforcement = createEnforcement({
    keyStore,
    selfTest: createSelfTest(clock),
    callersOf: callers.factsOf,
    onSnapshot: (compilation) => {
      exchanges.keepOnly(compilation.snapshot);
      callers.keepOnly(compilation.snapshot);
      announce(compilation, log, metrics);
    },
    onReports: report,
  });
  const readiness = createReadiness(clock);
  const builtInServer = createBuiltInServer(VERSION, (error) =>
    log.debug('mcp request', { error: error.message }),
  );
  const publicEndpoint = createPublicEndpoint({
    gate: createGate(createTokenVerifier({ findKeySource: keyStore.find, clock })),
    currentSnapshot: enforcement.currentSnapshot,
    builtInServer,
    exchanges,
    onDecision: (reason, policy) => {
      logDecision(reason, policy);
      callers.note(reason, policy);
    },
    log,
  });
  const adminEndpoint = createAdminEndpoint({
    isReady: readiness.isReady,
    renderMetrics: metrics.render,
    listPolicies: board.list,
  });
  const identity = options.tlsFiles && (await readTlsFiles(options.tlsFiles));
  const publicListener = await listen(publicEndpoint, options.listen, identity);
  const adminListener = await listen(adminEndpoint, options.adminListen).catch(async (error: unknown) => {
    await publicListener.drain(0);
    throw error;
  });
  const unfollow = options.tlsFiles && followTlsFiles(options.tlsFiles, publicListener, { clock, log });

  return {
    publicAddress: publicListener.address,
    adminAddress: adminListener.address,
    update(delivery) {
      objects = delivery.policies.map(({ object }) => object);
      return enforcement.apply({ ...delivery, configuration, cluster: noCluster });
    },
    async stop() {
      readiness.end();
      unfollow?.();
      await Promise.all([publicListener.drain(graceMs), builtInServer.close()]);
      await adminListener.drain(0);
      keyStore.close();
      callers.close();
    },
  };
}

function announce({ snapshot, outcomes, sharedAudiences }: Compilation, log: Logger, metrics: Metrics): void {
  log.info('snapshot in force', {
    digest: snapshot.digest.slice(0, 16),
    policies: outcomes.length,
    enforced: [...snapshot.policies.values()].filter(({ verifier }) => verifier.mode !== 'deny').length,
  });
  metrics.setSharedAudiences(sharedAudiences.length);
  for (const { issuer, audience, policies } of sharedAudiences) {
    log.warn('namespaces share issuer and audience', { issuer, audience, policies: policies.join(' ') });
  }
}

function countStates(
  reports: ReturnType<ReturnType<typeof createEnforcement>['reports']>,
): Record<'ready' | 'not_ready' | 'refused', number> {
  const counts = { ready: 0, not_ready: 0, refused: 0 };
  for (const { observation } of reports) {
    if (observation === undefined) counts.refused += 1;
    else if (observation.keys.kind === 'loaded' && observation.selfTest?.failed.length === 0)
      counts.ready += 1;
    else counts.not_ready += 1;
  }
  return counts;
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
