/** Rights as one line each, so that what is granted and what is used can be compared as sets. */
import type { AuditedObject, AuditedRequest } from './audit-log.ts';

/** A Role when it has a namespace, else a ClusterRole. */
export interface RoleManifest {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

/** Everything that roles grant. */
export function grantedRights(roles: readonly RoleManifest[]): readonly string[] {
  const rights = roles.flatMap(({ metadata: { namespace }, rules }) =>
    rules.flatMap(({ apiGroups, resources, resourceNames = [undefined], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.flatMap((verb) =>
            resourceNames.map((name) => say({ verb, group, resource, namespace, name })),
          ),
        ),
      ),
    ),
  );
  return rights.sort();
}

/**
 * The narrowest rights that allow the requests: in one namespace or for one name where all of a kind are. Requests for what
 * is no resource are left out.
 */
export function neededRights(requests: readonly AuditedRequest[]): readonly string[] {
  const kinds = Map.groupBy(
    requests.flatMap(({ verb, object }) => (object === undefined ? [] : [{ verb, ...object }])),
    ({ verb, group, resource }) => say({ verb, group, resource }),
  );
  const rights = [...kinds.values()].map((uses) => {
    const [{ verb, group, resource } = { verb: '', group: '', resource: '' }] = uses;
    const namespace = onlyOne(uses.map((use) => use.namespace));
    const name = canBeNamed(verb, resource) ? onlyOne(uses.map((use) => use.name)) : undefined;
    return say({ verb, group, resource, namespace, name });
  });
  return rights.sort();
}

function onlyOne<T>(values: readonly T[]): T | undefined {
  const [value, ...others] = new Set(values);
  return others.length === 0 ? value : undefined;
}

/** The authorizer does not know the name of an object that is being created; that of a subresource's it does. */
function canBeNamed(verb: string, resource: string): boolean {
  return verb !== 'create' || resource.includes('/');
}

interface Right extends Pick<AuditedObject, 'group' | 'resource'> {
  readonly verb: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

function say({ verb, group, resource, namespace, name }: Right): string {
  const what = group === '' ? resource : `${resource}.${group}`;
  const where = namespace === undefined ? 'everywhere' : `in ${namespace}`;
  return [verb, what, where, ...(name === undefined ? [] : [`named ${name}`])].join(' ');
}
