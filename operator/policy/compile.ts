import { objectKey } from '../api/kubernetes-object.ts';
import { deepFreeze } from './deep-freeze.ts';
import { digestOf } from './digest.ts';
import type { Outcome, SharedAudience } from './finding.ts';
import { parseHostPattern } from './host-pattern.ts';
import type { Inputs, SourcePolicy } from './inputs.ts';
import { type Judge, type Judged, judgePolicy } from './judge-policy.ts';
import { enforceLimits } from './namespace-limits.ts';
import { publicHost, secondsOf } from './operator-configuration.ts';
import { settleConflicts } from './ownership.ts';
import { findSharedAudiences } from './shared-audiences.ts';
import { type CompiledPolicy, type HostRules, routeKey, type Snapshot } from './snapshot.ts';

export interface Compilation {
  readonly snapshot: Snapshot;
  /** One for each policy, sorted by `namespace/name`. */
  readonly outcomes: readonly Outcome[];
  readonly sharedAudiences: readonly SharedAudience[];
}

/** The whole decision, a pure function: equal inputs give equal results, whatever the order of the policies. */
export function compile(inputs: Inputs, judge: Judge = judgePolicy): Compilation {
  const judged = inputs.policies
    .map((policy) => judgeAlone(policy, inputs, judge))
    .sort((a, b) => (objectKey(a.outcome) < objectKey(b.outcome) ? -1 : 1));
  const owned = settleConflicts(enforceLimits(judged, inputs.configuration.limits));
  const compiled = owned.flatMap(({ compiled }) => (compiled === undefined ? [] : [compiled]));
  const sharedAudiences = findSharedAudiences(compiled);
  const sharing = new Set(sharedAudiences.flatMap(({ policies }) => policies));
  return deepFreeze({
    snapshot: buildSnapshot(compiled, inputs),
    outcomes: owned.map(({ outcome }) => ({ ...outcome, sharesAudience: sharing.has(objectKey(outcome)) })),
    sharedAudiences,
  });
}

/** A policy that we stumble over is a bug of ours, and must not keep those of others from being compiled. */
function judgeAlone(policy: SourcePolicy, inputs: Inputs, judge: Judge): Judged {
  try {
    return judge(policy, inputs);
  } catch {
    const { namespace, name, generation = 1 } = policy.object.metadata;
    const message = 'The operator failed to judge this policy: this is a bug, please report it.';
    return {
      outcome: {
        namespace,
        name,
        generation,
        refusal: { reason: 'Invalid', message },
        sharesAudience: false,
      },
    };
  }
}

function buildSnapshot(policies: readonly CompiledPolicy[], { configuration }: Inputs): Snapshot {
  const hosts: HostRules = {
    shared: [publicHost(configuration), ...configuration.additionalHosts.map(parseHostPattern)].filter(
      (host) => host !== undefined,
    ),
    own: configuration.resourceHosts.flatMap((entry) => entry.hosts.map(parseHostPattern)),
  };
  const { allowedOrigins } = configuration;
  const {
    maxTokenBytes: _,
    maxPoliciesPerNamespace: __,
    maxReferencedBytesPerNamespace: ___,
    ...shares
  } = configuration.limits;
  const upstreamPatienceSeconds = secondsOf(configuration.intervals.upstreamPatience);
  return {
    digest: digestOf([
      hosts,
      allowedOrigins,
      shares,
      upstreamPatienceSeconds,
      policies.map(({ digest }) => digest),
    ]),
    hosts,
    allowedOrigins,
    shares,
    upstreamPatienceSeconds,
    routes: new Map(policies.map((policy) => [routeKey(policy.ownHost, policy.path), policy])),
    policies: new Map(policies.map((policy) => [objectKey(policy), policy])),
  };
}
