import { objectKey } from '../api/kubernetes-object.ts';
import { denyPolicy, type Judged } from './judge-policy.ts';
import { routeKey } from './snapshot.ts';

/**
 * Refuses the newest policies of a namespace that has more than `limit`. They keep their resource and deny.
 */
export function enforceLimit(judged: readonly Judged[], limit: number): readonly Judged[] {
  const byNamespace = Map.groupBy(judged, ({ outcome }) => outcome.namespace);
  const surplus = new Set([...byNamespace.values()].flatMap((group) => group.toSorted(byAge).slice(limit)));
  return judged.map((one) =>
    surplus.has(one) && one.outcome.refusal === undefined
      ? refuse(one, {
          reason: 'LimitExceeded',
          message: 'The namespace has more policies than the administrator allows; the newest are refused.',
        })
      : one,
  );
}

/**
 * Gives each resource to the oldest policy that claims it, then to the first by `namespace/name`. The others own
 * nothing. The winner keeps the resource even when it is refused for another reason: then the resource denies.
 */
export function settleConflicts(judged: readonly Judged[]): readonly Judged[] {
  const claiming = judged.filter(({ compiled }) => compiled !== undefined);
  const byRoute = Map.groupBy(claiming, ({ compiled }) => routeKey(compiled?.ownHost, compiled?.path ?? ''));
  const winners = new Map<Judged, Judged>();
  for (const rivals of byRoute.values()) {
    const [winner, ...losers] = rivals.toSorted(byAge);
    for (const loser of losers) if (winner !== undefined) winners.set(loser, winner);
  }
  return judged.map((one) => {
    const winner = winners.get(one);
    return winner === undefined ? one : lose(one, winner);
  });
}

function lose(loser: Judged, winner: Judged): Judged {
  const sameNamespace = loser.outcome.namespace === winner.outcome.namespace;
  const owner = sameNamespace ? `policy ${winner.outcome.name}` : 'a policy of another namespace';
  const { compiled: _, ...rest } = loser;
  if (rest.outcome.refusal !== undefined) return rest;
  return {
    ...rest,
    outcome: {
      ...rest.outcome,
      refusal: {
        reason: 'Conflicted',
        message: `The resource belongs to ${owner}, which is older: choose another spec.resource.`,
      },
    },
  };
}

function refuse(one: Judged, refusal: NonNullable<Judged['outcome']['refusal']>): Judged {
  const { compiled, ...rest } = one;
  return {
    ...rest,
    outcome: { ...one.outcome, refusal },
    ...(compiled === undefined ? {} : { compiled: denyPolicy(compiled) }),
  };
}

/** Oldest first; a folder has no ages, there the name decides. */
function byAge(a: Judged, b: Judged): number {
  const [ageA, ageB] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
  if (ageA !== ageB) return ageA < ageB ? -1 : 1;
  return objectKey(a.outcome) < objectKey(b.outcome) ? -1 : 1;
}
