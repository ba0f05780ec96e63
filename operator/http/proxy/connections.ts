import { type Agent, Agent as PlainAgent } from 'node:http';
import { type AgentOptions, Agent as TlsAgent } from 'node:https';
import { objectKey } from '../../api/kubernetes-object.ts';
import type { CompiledPolicy, Snapshot, Upstream } from '../../policy/snapshot.ts';

/**
 * Shorter than what common servers keep a connection for (5 s): a request should not meet one that is being closed. It
 * could not be sent again, as nobody would know whether a tool has been called.
 */
const idleMs = 4_000;
const maxIdle = 64;

/** Connections to upstreams. Each policy has its own: neither a socket nor a TLS session serves two of them. */
export interface Connections {
  /** Those of a policy to its upstream as it is now. */
  agentFor(policy: CompiledPolicy, upstream: Upstream): Agent;
  /** Closes the idle ones of policies that are gone or have another upstream. */
  keepOnly(snapshot: Pick<Snapshot, 'policies'>): void;
}

export function createConnections(): Connections {
  /** By `namespace/name`, with the upstream that they lead to. */
  const agents = new Map<string, { readonly upstream: Upstream; readonly agent: Agent }>();

  function drop(key: string): void {
    // In-flight requests have been cut before, with the policy.
    agents.get(key)?.agent.destroy();
    agents.delete(key);
  }

  return {
    agentFor(policy, upstream) {
      const key = objectKey(policy);
      const known = agents.get(key);
      if (known !== undefined && isSame(known.upstream, upstream)) return known.agent;
      drop(key);
      const agent = createAgent(upstream);
      agents.set(key, { upstream, agent });
      return agent;
    },
    keepOnly({ policies }) {
      for (const [key, { upstream }] of agents) {
        const next = policies.get(key)?.upstream;
        if (next === undefined || !isSame(next, upstream)) drop(key);
      }
    },
  };
}

function createAgent({ tls }: Upstream): Agent {
  const options: AgentOptions = {
    keepAlive: true,
    timeout: idleMs,
    maxFreeSockets: maxIdle,
    scheduling: 'lifo',
  };
  if (tls === undefined) return new PlainAgent(options);
  const { servername, caPem } = tls;
  return new TlsAgent({
    ...{ ...options, servername, minVersion: 'TLSv1.2' },
    // Said aloud, or NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch verification off.
    rejectUnauthorized: true,
    // A list, because Node takes an empty text for none and would trust the public authorities.
    ...(caPem === undefined ? {} : { ca: [caPem] }),
  });
}

/** Snapshots are frozen, and mostly hold the same object; a recompiled one has an equal one. */
function isSame(one: Upstream, other: Upstream): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
