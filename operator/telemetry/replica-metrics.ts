import { Gauge, type Registry } from 'prom-client';

/** This replica among those of the same installation. */
export interface ReplicaMetrics {
  /** Asked at each scrape. */
  followLeadership(isLeader: () => boolean): void;
  setReplicas(count: number): void;
}

/** The name of the Lease. */
const name = 'mcp-auth-operator';

export function createReplicaMetrics(registry: Registry): ReplicaMetrics {
  let isLeader = (): boolean => false;
  // controller-runtime's name, so that its dashboards work.
  new Gauge({
    name: 'leader_election_master_status',
    help: 'Whether this replica leads: writes statuses and Events.',
    labelNames: ['name'],
    registers: [registry],
    collect() {
      this.set({ name }, isLeader() ? 1 : 0);
    },
  });
  const replicas = new Gauge({
    name: 'mcp_auth_replicas',
    help: 'Live replicas of this installation, as this one sees them.',
    registers: [registry],
  });
  return {
    followLeadership(next) {
      isLeader = next;
    },
    setReplicas: (count) => replicas.set(count),
  };
}
