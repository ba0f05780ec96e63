import { connectToCluster } from '../controller/kube.ts';
import type { KubeApi } from '../controller/kube-api.ts';
import { UsageError } from '../options.ts';
import type { ApiServerMetrics } from '../telemetry/api-server-metrics.ts';
import { systemClock as clock } from '../time/clock.ts';

/**
 * Connections to the cluster, apart from those of any other call of this. Nothing is sent yet.
 *
 * @throws UsageError when there is no usable kubeconfig.
 */
export function connect(kubeconfig: string | undefined, metrics: ApiServerMetrics): KubeApi {
  try {
    return connectToCluster({ clock, metrics, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  } catch (error) {
    throw new UsageError(`--kubeconfig: ${error instanceof Error ? error.message : String(error)}`);
  }
}
