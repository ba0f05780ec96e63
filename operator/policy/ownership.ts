import { byAge } from './by-age.ts';
import type { Judged } from './judge-policy.ts';
import { routeKey } from './snapshot.ts';

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
