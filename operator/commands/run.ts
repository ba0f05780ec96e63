import { startClusterSource } from '../controller/cluster-source.ts';
import type { KubeApi } from '../controller/kube-api.ts';
import { createStatusWriter } from '../controller/status-writer.ts';
import type { RunOptions } from '../options.ts';
import { createLogger } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { systemClock as clock } from '../time/clock.ts';
import { VERSION } from '../version.ts';
import { createClusterLink } from './cluster-link.ts';
import { connect } from './connect.ts';
import { describeListeners, startOperator } from './operator.ts';
import { readConfiguration } from './read-configuration.ts';
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
  const statusWriter = createStatusWriter({ api, clock, random, log, metrics: metrics.statusQueue });
  const operator = await startOperator({
    options,
    configuration,
    clock,
    log,
    metrics,
    cluster: link.ports,
    onStatus: statusWriter.offer,
  });
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
  await statusWriter.close();
  link.close();
  api.close();
  return 0;
}
