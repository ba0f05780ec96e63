import { isJsonObject } from '../json/json-object.ts';
import type { KubeApi } from './kube-api.ts';

/** The group that serves CRDs: a list without it says nothing about groups that come from CRDs. */
const groupOfCRDs = 'apiextensions.k8s.io';

/**
 * Asks the API server for its groups: whether it says that it does not have this one. False as well when it does not answer,
 * or something else answers in its place.
 */
export async function lacksGroup(
  api: Pick<KubeApi, 'get'>,
  group: string,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await api.get('/apis', signal).catch(() => undefined);
  if (!isJsonObject(answer) || answer.kind !== 'APIGroupList' || !Array.isArray(answer.groups)) return false;
  const names = answer.groups.map((one) => (isJsonObject(one) ? one.name : undefined));
  return names.includes(groupOfCRDs) && !names.includes(group);
}
