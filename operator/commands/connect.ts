import { connectToCluster } from '../controller/kube.ts';
import type { KubeApi } from '../controller/kube-api.ts';
import { UsageError } from '../options.ts';
import { systemClock as clock } from '../time/clock.ts';

/**
 * Connections to the cluster, apart from those of any other call of this. Nothing is sent yet.
 *
 * @throws UsageError when there is no usable kubeconfig.
 */
export function connect(kubeconfig: string | undefined): KubeApi {
  try {
    return connectToCluster({ clock, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
  } catch (error) {
    throw new UsageError(`--kubeconfig: ${error instanceof Error ? error.message : String(error)}`);
  }
}
