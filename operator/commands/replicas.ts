import type { KubeApi } from '../controller/kube-api.ts';
import { type LeaderElection, startLeaderElection } from '../controller/leader-election.ts';
import { startLeaseSweep } from '../controller/lease-sweep.ts';
import {
  configurationDigest,
  groupDigests,
  type ReplicaContent,
  settingsDigest,
  snapshotDigest,
} from '../controller/replica-content.ts';
import { startReplicaLease } from '../controller/replica-lease.ts';
import { startReplicaWatch } from '../controller/replica-watch.ts';
import type { EnforcedDigests } from '../policy/enforced-digests.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';

/** What this replica enforces. */
export interface Enforced extends EnforcedDigests {
  readonly configuration: string;
}

/** This replica among those of the same installation. */
export interface Replicas {
  /** Whether this replica may write statuses and Events at this moment. Ask right before each write. */
  isLeader(): boolean;
  /** Says what is enforced here. Before the first time this replica does not lead: it would have nothing to say. */
  publish(enforced: Enforced): void;
  /** Leaves, so that another one leads at once and nobody waits for this one. */
  stop(): Promise<void>;
}

export interface ReplicasListener {
  /** This replica has become leader, or is not any more. */
  readonly onLeader: () => void;
  /** What the live replicas enforce; before the first call it is not known. */
  readonly onEnforced: (live: readonly EnforcedDigests[]) => void;
}

export interface ReplicasParts extends ReplicasListener {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Of this replica alone; the pod's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

const application = 'mcp-auth-operator';
const labels = { 'app.kubernetes.io/name': application };

/** Joins the replicas whose Leases are in the same namespace. */
export function joinReplicas(parts: ReplicasParts): Replicas {
  const { name, random, onLeader, onEnforced } = parts;
  // Random, because a container can be started again in the same pod.
  const identity = `${name}_${Math.floor(random() * 2 ** 32).toString(16)}`;
  let election: LeaderElection | undefined;
  const lease = startReplicaLease({ ...parts, name: leaseNameOf(name), labels });
  const watch = startReplicaWatch({
    ...parts,
    labels,
    onChange: (live) => onEnforced(live.map(({ content }) => read(content))),
  });
  const isLeader = (): boolean => election?.isLeader() === true;
  const endSweep = startLeaseSweep({ ...parts, abandoned: watch.abandoned, isLeader });
  return {
    isLeader,
    publish(enforced) {
      lease.publish(write(enforced));
      election ??= startLeaderElection({ ...parts, name: application, identity, onChange: onLeader });
    },
    async stop() {
      endSweep();
      await Promise.all([election?.stop(), lease.stop(), watch.stop()]);
    },
  };
}

function write({ snapshot, settings, groups, configuration }: Enforced): ReplicaContent {
  return {
    ...{ [snapshotDigest]: snapshot, [settingsDigest]: settings },
    ...{ [groupDigests]: groups, [configurationDigest]: configuration },
  };
}

/** What a Lease does not say is enforced nowhere. */
function read(content: ReplicaContent): EnforcedDigests {
  const { [snapshotDigest]: snapshot = '', [settingsDigest]: settings = '' } = content;
  return { snapshot, settings, groups: content[groupDigests] ?? '' };
}

/** Host names can hold what names of objects must not. */
export function leaseNameOf(replica: string): string {
  const plain = replica.toLowerCase().replace(/[^a-z0-9-]+/g, '-');
  return `${application}-replica-${plain}`.slice(0, 253).replace(/-+$/, '');
}

/** The only replica there is: nobody to wait for, nobody to give way to. */
export function withoutReplicas({ onEnforced }: Pick<ReplicasListener, 'onEnforced'>): Replicas {
  return {
    isLeader: () => true,
    publish: (enforced) => onEnforced([enforced]),
    stop: async () => undefined,
  };
}
