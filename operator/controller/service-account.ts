import type { ResourceKind } from './resource.ts';

/** Names a ServiceAccount. */
export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

export const serviceAccounts: ResourceKind = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
};

/** Both names in the form that Kubernetes gives them, so that they can be written into a path. */
const accountUser =
  /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]*[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/;

/** Reads the ServiceAccount out of a user name; undefined for any other user. */
export function readServiceAccountUser(username: unknown): ServiceAccountName | undefined {
  const [, namespace, name] = (typeof username === 'string' ? accountUser.exec(username) : null) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}
