import { objectKey } from '../api/kubernetes-object.ts';
import { deepFreeze } from './deep-freeze.ts';
import { digestOf } from './digest.ts';
import type { Outcome, SharedAudience } from './finding.ts';
import { parseHostPattern } from './host-pattern.ts';
import type { Inputs } from './inputs.ts';
import { judgePolicy } from './judge-policy.ts';
import { publicHost } from './operator-configuration.ts';
import { enforceLimit, settleConflicts } from './ownership.ts';
import { findSharedAudiences } from './shared-audiences.ts';
import { type CompiledPolicy, type HostRules, routeKey, type Snapshot } from './snapshot.ts';

export interface Compilation {
  readonly snapshot: Snapshot;
  /** One for each policy, sorted by `namespace/name`. */
  readonly outcomes: readonly Outcome[];
  readonly sharedAudiences: readonly SharedAudience[];
}

/** The whole decision, a pure function: equal inputs give equal results, whatever the order of the policies. */
export function compile(inputs: Inputs): Compilation {
  const judged = inputs.policies
    .map((policy) => judgePolicy(policy, inputs))
    .sort((a, b) => (objectKey(a.outcome) < objectKey(b.outcome) ? -1 : 1));
  const owned = settleConflicts(enforceLimit(judged, inputs.configuration.limits.maxPoliciesPerNamespace));
  const compiled = owned.flatMap(({ compiled }) => (compiled === undefined ? [] : [compiled]));
  const sharedAudiences = findSharedAudiences(compiled);
  const sharing = new Set(sharedAudiences.flatMap(({ policies }) => policies));
  return deepFreeze({
    snapshot: buildSnapshot(compiled, inputs),
    outcomes: owned.map(({ outcome }) => ({ ...outcome, sharesAudience: sharing.has(objectKey(outcome)) })),
    sharedAudiences,
  });
}

function buildSnapshot(policies: readonly CompiledPolicy[], { configuration }: Inputs): Snapshot {
  const hosts: HostRules = {
    shared: [publicHost(configuration), ...configuration.additionalHosts.map(parseHostPattern)].filter(
      (host) => host !== undefined,
    ),
    own: configuration.resourceHosts.flatMap((entry) => entry.hosts.map(parseHostPattern)),
  };
  const { allowedOrigins } = configuration;
  const { maxInFlightPerPolicy } = configuration.limits;
  return {
    digest: digestOf([hosts, allowedOrigins, maxInFlightPerPolicy, policies.map(({ digest }) => digest)]),
    hosts,
    allowedOrigins,
    maxInFlightPerPolicy,
    routes: new Map(policies.map((policy) => [routeKey(policy.ownHost, policy.path), policy])),
    policies: new Map(policies.map((policy) => [objectKey(policy), policy])),
  };
}
