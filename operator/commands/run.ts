import { hostname } from 'node:os';
import { startClusterSource } from '../controller/cluster-source.ts';
import type { EventReporter } from '../controller/event-document.ts';
import { createEventRecorder } from '../controller/event-recorder.ts';
import type { KubeApi } from '../controller/kube-api.ts';
import { createPolicyEvents } from '../controller/policy-events.ts';
import { createStatusWriter } from '../controller/status-writer.ts';
import type { RunOptions } from '../options.ts';
import { createLogger } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { systemClock as clock } from '../time/clock.ts';
import { VERSION } from '../version.ts';
import { createClusterLink } from './cluster-link.ts';
import { connect } from './connect.ts';
import { describeListeners } from './listeners.ts';
import { startOperator } from './operator.ts';
import { readConfiguration } from './read-configuration.ts';
import { joinReplicas, type Replicas, type ReplicasParts, withoutReplicas } from './replicas.ts';
import { untilStopped } from './until-stopped.ts';

/** Runs the operator against a cluster until a signal stops it. Resolves with the exit code. */
export async function runCommand(options: RunOptions): Promise<number> {
  const log = createLogger(options.logLevel, options.logFormat);
  const configuration = await readConfiguration(options);
  const random = Math.random;
  const metrics = createMetrics(VERSION);
  const api: KubeApi = connect(options.kubeconfig, metrics.apiServer);
  const link = createClusterLink({
    api: connect(options.kubeconfig, metrics.apiServer),
    metrics: metrics.apiServer,
    ...(options.podNamespace === undefined ? {} : { podNamespace: options.podNamespace }),
    clock,
    random,
    log,
  });
  let knowsReplicas = false;
  const isAuthor = (): boolean => knowsReplicas && replicas.isLeader();
  const statusWriter = createStatusWriter({
    ...{ api, clock, random, log, mayWrite: isAuthor },
    metrics: metrics.statusQueue,
  });
  const recorder = createEventRecorder({
    ...{ api, clock, random, log, mayWrite: isAuthor },
    ...reporter(options),
  });
  let events = createPolicyEvents(recorder);
  const operator = await startOperator({
    options,
    configuration,
    clock,
    log,
    metrics,
    cluster: link.ports,
    isAuthor,
    onEnforced: (enforced) => replicas.publish(enforced),
    onStatus(object, status, told) {
      if (!isAuthor()) return;
      statusWriter.offer(object, status, told);
      events.offer(object, status);
    },
  });
  const replicas = join(options, {
    ...{ api, clock, random, log },
    onLeader() {
      // What happened meanwhile others have told.
      events = createPolicyEvents(recorder);
      operator.tellStatuses();
    },
    onEnforced(live) {
      knowsReplicas = true;
      metrics.setReplicas(live.length);
      operator.seeReplicas(live);
    },
  });
  metrics.followLeadership(replicas.isLeader);
  log.info('started', describeListeners(operator, configuration));
  const stopped = untilStopped(log, clock);
  await Promise.race([link.learn(operator.learn), stopped]);
  const { namespaces } = options;
  const source = startClusterSource({
    api,
    ...(namespaces.length === 0 ? {} : { namespaces }),
    onInputs: operator.update,
    clock,
    random,
    log,
    metrics: metrics.collections,
  });
  const signal = await stopped;
  // Changes take effect until the last request has been answered.
  await operator.stop(signal === 'SIGTERM');
  await source.stop();
  await Promise.all([statusWriter.close(), recorder.close()]);
  await replicas.stop();
  link.close();
  api.close();
  return 0;
}

/** Without a namespace there is no place for Leases: then this is the only replica. */
function join(
  { podNamespace: namespace, podName: name = hostname() }: RunOptions,
  parts: Omit<ReplicasParts, 'namespace' | 'name'>,
): Replicas {
  return namespace === undefined ? withoutReplicas(parts) : joinReplicas({ ...parts, namespace, name });
}

function reporter({ podName = hostname() }: RunOptions): EventReporter {
  return { reportingController: 'mcpauth.dev/operator', reportingInstance: podName };
}
