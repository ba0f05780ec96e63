import { byAge } from './by-age.ts';
import { denyPolicy, type Judged } from './judge-policy.ts';
import type { Limits } from './operator-configuration.ts';

type NamespaceLimits = Pick<Limits, 'maxPoliciesPerNamespace' | 'maxReferencedBytesPerNamespace'>;

/**
 * Refuses the newest policies of a namespace that has more, or whose policies name larger ConfigMap values, than
 * `limits` allow. They keep their resource and deny.
 */
export function enforceLimits(judged: readonly Judged[], limits: NamespaceLimits): readonly Judged[] {
  const byNamespace = Map.groupBy(judged, ({ outcome }) => outcome.namespace);
  const surplus = new Map(
    [...byNamespace.values()].flatMap((group) => findSurplus(group.toSorted(byAge), limits)),
  );
  return judged.map((one) => {
    const message = surplus.get(one);
    return message === undefined || one.outcome.refusal !== undefined ? one : refuse(one, message);
  });
}

/** Those of one namespace that are to be refused, each with why. */
function findSurplus(
  oldestFirst: readonly Judged[],
  { maxPoliciesPerNamespace: count, maxReferencedBytesPerNamespace: bytes }: NamespaceLimits,
): readonly (readonly [Judged, string])[] {
  const beyondCount =
    'The namespace has more policies than the administrator allows; the newest are refused.';
  const beyondBytes = `The ConfigMap values that the namespace's policies name have more bytes than the administrator allows (limits.maxReferencedBytesPerNamespace: ${bytes}); the newest are refused.`;
  return [
    ...findTooLarge(oldestFirst.slice(0, count), bytes).map((one) => [one, beyondBytes] as const),
    ...oldestFirst.slice(count).map((one) => [one, beyondCount] as const),
  ];
}

/**
 * A value that several name counts once. One that does not fit leaves its room to newer ones: those that name nothing
 * new must not suffer for it.
 */
function findTooLarge(oldestFirst: readonly Judged[], limit: number): readonly Judged[] {
  const held = new Set<string>();
  let room = limit;
  return oldestFirst.filter(({ references = [] }) => {
    const added = references.filter(({ key }) => !held.has(key));
    const bytes = added.reduce((sum, one) => sum + one.bytes, 0);
    if (bytes > room) return true;
    for (const { key } of added) held.add(key);
    room -= bytes;
    return false;
  });
}

function refuse(one: Judged, message: string): Judged {
  const { compiled, ...rest } = one;
  return {
    ...rest,
    outcome: { ...one.outcome, refusal: { reason: 'LimitExceeded', message } },
    ...(compiled === undefined ? {} : { compiled: denyPolicy(compiled) }),
  };
}
