import { startClusterSource } from '../controller/cluster-source.ts';
import { connectToCluster } from '../controller/kube.ts';
import type { KubeApi } from '../controller/kube-api.ts';
import { createStatusWriter } from '../controller/status-writer.ts';
import { type RunOptions, UsageError } from '../options.ts';
import { createLogger } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { systemClock as clock } from '../time/clock.ts';
import { VERSION } from '../version.ts';
import { describeListeners, startOperator } from './operator.ts';
import { readConfiguration } from './read-configuration.ts';
import { untilStopped } from './until-stopped.ts';

/** Runs the operator against a cluster until a signal stops it. Resolves with the exit code. */
export async function runCommand(options: RunOptions): Promise<number> {
  const log = createLogger(options.logLevel, options.logFormat);
  const configuration = await readConfiguration(options);
  const api = connect(options);
  const random = Math.random;
  const statusWriter = createStatusWriter({ api, clock, random, log });
  const operator = await startOperator({
    options,
    configuration,
    clock,
    log,
    metrics: createMetrics(VERSION),
    onStatus: statusWriter.offer,
  });
  const { namespaces } = options;
  const source = startClusterSource({
    api,
    ...(namespaces.length === 0 ? {} : { namespaces }),
    onInputs: operator.update,
    clock,
    random,
    log,
  });
  log.info('started', describeListeners(operator, configuration));
  await untilStopped(log, clock);
  await Promise.all([operator.stop(), source.stop()]);
  await statusWriter.close();
  api.close();
  return 0;
}

function connect({ kubeconfig }: RunOptions): KubeApi {
  try {
    return connectToCluster({ clock, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  } catch (error) {
    throw new UsageError(`--kubeconfig: ${error instanceof Error ? error.message : String(error)}`);
  }
}
