import { objectKey } from '../api/kubernetes-object.ts';
import type { SharedAudience } from './finding.ts';
import type { CompiledPolicy } from './snapshot.ts';

/** Finds issuers and audiences that policies of different namespaces accept: a token of one opens the other. */
export function findSharedAudiences(policies: readonly CompiledPolicy[]): readonly SharedAudience[] {
  const uses = policies.flatMap((policy) => {
    const { verifier } = policy;
    if (verifier.mode === 'deny') return [];
    return verifier.audiences.map((audience) => ({ issuer: verifier.issuer, audience, policy }));
  });
  const groups = Map.groupBy(uses, ({ issuer, audience }) => `${issuer} ${audience}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const namespaces = new Set(group.map(({ policy }) => policy.namespace));
    if (first === undefined || namespaces.size < 2) return [];
    return [
      {
        issuer: first.issuer,
        audience: first.audience,
        policies: group.map(({ policy }) => objectKey(policy)),
      },
    ];
  });
}
