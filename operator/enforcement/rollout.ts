import { objectKey } from '../api/kubernetes-object.ts';
import type { CompiledPolicy, Snapshot } from '../policy/snapshot.ts';

/** Follows which configurations have reached every live replica. */
export interface Rollout {
  /** Takes the snapshot that is in force here. */
  note(snapshot: Snapshot): void;
  /** Takes the digests of the snapshots that the live replicas enforce, this one among them. */
  see(digests: readonly string[]): void;
  /** Once true it stays so for the same configuration: that replicas come and go changes nothing. */
  hasReachedAll(policy: CompiledPolicy): boolean;
}

/** Replicas may be behind by so many snapshots and still be understood. */
const maxHistory = 64;

/**
 * A replica says which snapshot it enforces by its digest alone. What is in there is known from having had the same: all
 * compile the same policies, if not at the same moment.
 */
export function createRollout(): Rollout {
  /** By snapshot digest: the digest of each policy, by `namespace/name`. */
  const history = new Map<string, ReadonlyMap<string, string>>();
  let current: ReadonlyMap<string, string> = new Map();
  let seen: readonly string[] = [];
  let reached = new Set<string>();

  function judge(): void {
    const snapshots = seen.map((digest) => history.get(digest));
    const isEverywhere = (key: string, digest: string): boolean =>
      snapshots.length > 0 && snapshots.every((policies) => policies?.get(key) === digest);
    reached = new Set(
      [...current]
        .filter(([key, digest]) => reached.has(digest) || isEverywhere(key, digest))
        .map(([, digest]) => digest),
    );
  }

  return {
    note({ digest, policies }) {
      current = new Map([...policies.values()].map((policy) => [objectKey(policy), policy.digest]));
      history.delete(digest);
      history.set(digest, current);
      const [oldest] = history.keys();
      if (oldest !== undefined && history.size > maxHistory) history.delete(oldest);
      judge();
    },
    see(digests) {
      seen = digests;
      judge();
    },
    hasReachedAll: ({ digest }) => reached.has(digest),
  };
}
