import { objectKey } from '../api/kubernetes-object.ts';
import { type EnforcedDigests, groupCount, groupOf, readGroup } from '../policy/enforced-digests.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';

/** Follows which configurations have reached every live replica. */
export interface Rollout {
  /** Takes the snapshot that is in force here, and its digests. */
  note(snapshot: Snapshot, digests: EnforcedDigests): void;
  /** Takes configurations that are known to have reached all before this process began. */
  trust(policies: Iterable<CompiledPolicy>): void;
  /** Takes what the live replicas enforce, this one among them. */
  see(live: readonly EnforcedDigests[]): void;
  /** Once true it stays so for the same configuration: that replicas come and go changes nothing. */
  hasReachedAll(policy: CompiledPolicy): boolean;
}

/** A configuration in force here. */
interface Known {
  readonly digest: string;
  readonly group: number;
  /** The first version of its group that holds it. */
  readonly since: number;
}

/** What a group of namespaces has been here: each of its digests, and the last version that had it. */
interface GroupHistory {
  readonly version: number;
  readonly versions: ReadonlyMap<string, number>;
}

/** A replica may be behind by so many changes of a group and still be understood. */
const maxHistory = 64;

/**
 * A replica says a digest for each group of namespaces. Where it says the same as is in force here, it enforces all policies
 * of the group; where it says what was in force here before, those that have not changed since. So it matters only for its
 * own group what a tenant keeps changing, and nothing has to be known of the time before this process.
 */
export function createRollout(): Rollout {
  let settings: string | undefined;
  let groups: readonly GroupHistory[] = Array.from({ length: groupCount }, () => ({
    ...{ version: 0, versions: new Map() },
  }));
  let current: ReadonlyMap<string, Known> = new Map();
  let live: readonly EnforcedDigests[] = [];
  let reached: ReadonlySet<string> = new Set();

  /** The version of each group that a replica has; -1 for what was never in force here. */
  function versionsOf(replica: EnforcedDigests): readonly number[] {
    if (replica.settings !== settings) return groups.map(() => -1);
    return groups.map(({ versions }, group) => versions.get(readGroup(replica.groups, group)) ?? -1);
  }

  function judge(): void {
    const replicas = live.map(versionsOf);
    const isEverywhere = ({ group, since }: Known): boolean =>
      replicas.length > 0 && replicas.every((versions) => (versions[group] ?? -1) >= since);
    reached = new Set(
      [...current.values()]
        .filter((known) => reached.has(known.digest) || isEverywhere(known))
        .map(({ digest }) => digest),
    );
  }

  return {
    note({ policies }, digests) {
      if (settings !== undefined && digests.settings !== settings) reached = new Set();
      settings = digests.settings;
      groups = groups.map((before, group) => remember(before, readGroup(digests.groups, group)));
      current = new Map(
        [...policies].map(([key, { namespace, digest }]) => {
          const before = current.get(key);
          if (before?.digest === digest) return [key, before];
          const group = groupOf(namespace);
          return [key, { digest, group, since: groups[group]?.version ?? 0 }];
        }),
      );
      judge();
    },
    trust(policies) {
      reached = new Set([...reached, ...[...policies].map(({ digest }) => digest)]);
    },
    see(replicas) {
      live = replicas;
      judge();
    },
    hasReachedAll: (policy) => reached.has(policy.digest) && current.has(objectKey(policy)),
  };
}

function remember(before: GroupHistory, digest: string): GroupHistory {
  if (before.versions.get(digest) === before.version && before.version > 0) return before;
  const version = before.version + 1;
  const versions = new Map(before.versions);
  versions.delete(digest);
  versions.set(digest, version);
  const [oldest] = versions.keys();
  if (oldest !== undefined && versions.size > maxHistory) versions.delete(oldest);
  return { version, versions };
}
