import { createHash } from 'node:crypto';
import { digestOf } from './digest.ts';
import type { Snapshot } from './snapshot.ts';

/** What a replica enforces, in so few bytes that it can be told to others, who compare it with what they enforce. */
export interface EnforcedDigests {
  /** Of everything. */
  readonly snapshot: string;
  /** Of what applies to the requests of all policies. */
  readonly settings: string;
  /** Of the policies, a digest for each group of namespaces, one after the other; see {@link readGroup}. */
  readonly groups: string;
}

/** Enough that a tenant's changes seldom have anything to do with another's. */
export const groupCount = 256;
const digestLength = 8;

/** Digests of a snapshot: equal ones mean, for all or for a group of namespaces, that the same is enforced. */
export function enforcedDigestsOf(snapshot: Snapshot): EnforcedDigests {
  const { hosts, allowedOrigins, shares, upstreamPatienceSeconds } = snapshot;
  const lines = Array.from({ length: groupCount }, (): string[] => []);
  for (const [key, { namespace, digest }] of snapshot.policies) {
    lines[groupOf(namespace)]?.push(`${key} ${digest}`);
  }
  return {
    snapshot: snapshot.digest,
    settings: digestOf([hosts, allowedOrigins, shares, upstreamPatienceSeconds]),
    groups: lines.map(shortDigestOf).join(''),
  };
}

/** Which group a namespace is in: from 0 to {@link groupCount}, the latter excluded. */
export function groupOf(namespace: string): number {
  return createHash('sha256').update(namespace).digest().readUInt8();
}

/** The digest of one group; empty when there is none. */
export function readGroup(groups: string, group: number): string {
  return groups.slice(group * digestLength, (group + 1) * digestLength);
}

function shortDigestOf(lines: readonly string[]): string {
  const all = [...lines].sort().join('\n');
  return createHash('sha256').update(all).digest('base64url').slice(0, digestLength);
}
