import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { type ServeOptions, UsageError } from '../options.ts';
import { watchDirectory } from '../standalone/directory.ts';
import { ManifestPathError } from '../standalone/manifest-path.ts';
import type { Manifests } from '../standalone/manifests.ts';
import type { ApiServerMetrics } from '../telemetry/api-server-metrics.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { systemClock as clock } from '../time/clock.ts';
import { VERSION } from '../version.ts';
import { type ClusterLink, createClusterLink } from './cluster-link.ts';
import { describeFindings, describeProblem } from './describe-problem.ts';
import { describeListeners } from './listeners.ts';
import { type Operator, startOperator } from './operator.ts';
import { readConfiguration } from './read-configuration.ts';
import { untilStopped } from './until-stopped.ts';

/** Runs the operator against a folder of manifests until a signal stops it. Resolves with the exit code. */
export async function serveCommand(options: ServeOptions): Promise<number> {
  const log = createLogger(options.logLevel, options.logFormat);
  const configuration = await readConfiguration(options);
  const metrics = createMetrics(VERSION);
  const announce = createAnnouncements(log);
  const link = await linkTo(options, log, metrics.apiServer);
  const operator = await startOperator({
    options,
    configuration,
    clock,
    log,
    metrics,
    ...(link === undefined ? {} : { cluster: link.ports }),
    isAuthor: () => true,
    // Before the first policies come there is an operator to tell.
    onEnforced: (enforced) => operator.seeReplicas([enforced]),
    onStatus: (object, status, { isNew }) => {
      if (isNew) announce(object, status);
    },
  });
  const stopped = untilStopped(log, clock);
  await Promise.race([link?.learn(operator.learn), patience(), stopped]);
  const directory = await watch(options.policies, operator, log).catch(async (error: unknown) => {
    await operator.stop(false);
    throw error instanceof ManifestPathError ? new UsageError(`--policies: ${error.message}`) : error;
  });
  log.info('started', describeListeners(operator, configuration));
  await stopped;
  directory.close();
  await operator.stop(false);
  link?.close();
  return 0;
}

/** The other modes do not need the API server: what is learned later is put in force then. */
async function patience(): Promise<void> {
  await new Promise<void>((resolve) => void clock.after(2_000, resolve));
}

/** The Kubernetes client takes longer to load than the rest: without a cluster it is left out. */
async function linkTo(
  { kubeconfig, podNamespace }: ServeOptions,
  log: Logger,
  metrics: ApiServerMetrics,
): Promise<ClusterLink | undefined> {
  if (kubeconfig === undefined) return undefined;
  const { connect } = await import('./connect.ts');
  const api = connect(kubeconfig, metrics);
  const place = podNamespace === undefined ? {} : { podNamespace };
  return createClusterLink({ api, ...place, clock, random: Math.random, log, metrics });
}

function watch(directory: string, operator: Operator, log: Logger): ReturnType<typeof watchDirectory> {
  return watchDirectory({
    directory,
    clock,
    log,
    onChange: (manifests: Manifests) => {
      for (const problem of manifests.problems) {
        log.error('manifest not used', { problem: describeProblem(problem) });
      }
      const { outcomes } = operator.update({ ...manifests, serviceAddresses: 'only' });
      for (const problem of describeFindings(outcomes, manifests))
        log.warn('policy not enforced', { problem });
    },
  });
}

/** Tells when a policy becomes ready, or not, or why not has changed: not each fact that its status counts. */
function createAnnouncements(log: Logger): (object: UntypedObject, status: McpAuthPolicyStatus) => void {
  const told = new Map<string, string | undefined>();
  return ({ metadata }, { conditions = [] }) => {
    const policy = objectKey(metadata);
    const ready = conditions.find(({ type }) => type === 'Ready');
    if (told.has(policy) && told.get(policy) === ready?.message) return;
    told.set(policy, ready?.message);
    const { status, reason, message } = ready ?? {};
    log.info('policy status', { policy, ready: status, reason, detail: message });
  };
}
