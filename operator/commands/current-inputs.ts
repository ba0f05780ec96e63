import type { Compilation } from '../policy/compile.ts';
import { type ClusterFacts, type Inputs, noCluster, type SourceInputs } from '../policy/inputs.ts';
import type { OperatorConfiguration } from '../policy/operator-configuration.ts';

/** Brings together what comes from three sides; whatever changes, everything is put in force again. */
export interface CurrentInputs {
  deliver(delivery: SourceInputs): Compilation;
  configure(configuration: OperatorConfiguration): void;
  learn(cluster: ClusterFacts): void;
  configuration(): OperatorConfiguration;
  /** The objects of the last delivery. */
  objects(): readonly Inputs['policies'][number]['object'][];
}

/** @param apply - not called before the first delivery: without policies there is nothing to put in force. */
export function createCurrentInputs(
  configuration: OperatorConfiguration,
  apply: (inputs: Inputs) => Compilation,
): CurrentInputs {
  let surroundings: Pick<Inputs, 'configuration' | 'cluster'> = { configuration, cluster: noCluster };
  let delivered: SourceInputs | undefined;

  function surround(change: Partial<typeof surroundings>): void {
    surroundings = { ...surroundings, ...change };
    if (delivered !== undefined) apply({ ...delivered, ...surroundings });
  }

  return {
    deliver(delivery) {
      delivered = delivery;
      return apply({ ...delivery, ...surroundings });
    },
    configure: (next) => surround({ configuration: next }),
    learn: (cluster) => surround({ cluster }),
    configuration: () => surroundings.configuration,
    objects: () => delivered?.policies.map(({ object }) => object) ?? [],
  };
}
