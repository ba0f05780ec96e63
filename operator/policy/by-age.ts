import { objectKey } from '../api/kubernetes-object.ts';
import type { Judged } from './judge-policy.ts';

/** Oldest first; a folder has no ages, there the name decides. */
export function byAge(a: Judged, b: Judged): number {
  const [ageA, ageB] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
  if (ageA !== ageB) return ageA < ageB ? -1 : 1;
  return objectKey(a.outcome) < objectKey(b.outcome) ? -1 : 1;
}
