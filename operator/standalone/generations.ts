import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import { digestOf } from '../policy/digest.ts';
import type { SourcePolicy } from '../policy/inputs.ts';

/**
 * Makes what the API server does for objects of a cluster: a `metadata.generation` that starts at 1 and counts the
 * changes of a policy's spec. Policies that vanish are remembered, so that no generation ever stands for two specs.
 */
export function createGenerations(): (policies: readonly SourcePolicy[]) => readonly SourcePolicy[] {
  const known = new Map<string, { readonly specDigest: string; readonly generation: number }>();

  function nextGeneration({ metadata, spec }: UntypedObject): number {
    const key = objectKey(metadata);
    const specDigest = digestOf([spec]);
    const last = known.get(key);
    if (last?.specDigest === specDigest) return last.generation;
    const generation = (last?.generation ?? 0) + 1;
    known.set(key, { specDigest, generation });
    return generation;
  }

  return (policies) =>
    policies.map((policy) => {
      const { object } = policy;
      const metadata = { ...object.metadata, generation: nextGeneration(object) };
      return { ...policy, object: { ...object, metadata } };
    });
}
