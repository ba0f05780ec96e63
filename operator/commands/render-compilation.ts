import { stringify } from 'yaml';
import { objectKey } from '../api/kubernetes-object.ts';
import type { Compilation } from '../policy/compile.ts';
import { conditionsFor } from '../policy/conditions.ts';

/**
 * What `compile` prints and the golden files hold: the snapshot, what was found against the policies, and the conditions
 * that they have before anything is enforced.
 */
export function renderCompilation(compilation: Compilation, output: 'yaml' | 'json'): string {
  const { snapshot, outcomes, sharedAudiences } = compilation;
  const { digest, hosts, allowedOrigins, shares, upstreamPatienceSeconds } = snapshot;
  const document = {
    snapshot: {
      ...{ digest, hosts, allowedOrigins, shares, upstreamPatienceSeconds },
      policies: [...snapshot.policies.values()],
    },
    findings: outcomes.flatMap((outcome) => {
      const { refusal, brokenRef } = outcome;
      return [
        ...(refusal === undefined ? [] : [{ policy: objectKey(outcome), condition: 'Accepted', ...refusal }]),
        ...(brokenRef === undefined
          ? []
          : [{ policy: objectKey(outcome), condition: 'ResolvedRefs', ...brokenRef }]),
      ];
    }),
    sharedAudiences,
    policies: outcomes.map((outcome) => ({
      namespace: outcome.namespace,
      name: outcome.name,
      conditions: conditionsFor(outcome, undefined, [], '').map(({ type, status, reason, message }) => ({
        type,
        status,
        reason,
        message,
      })),
    })),
  };
  // YAML 1.1 readers such as Kubernetes' take a bare `yes` for a boolean: as 1.1 it is quoted.
  return output === 'json'
    ? `${JSON.stringify(document, null, 2)}\n`
    : stringify(document, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}
