import { GROUP } from '../api/mcp-auth-policy.gen.ts';

/** What a replica enforces, as the annotations of its Lease. */
export type ReplicaContent = Readonly<Record<string, string>>;

/** The label of the Leases by which replicas say what they enforce; its value is `true`. */
export const replicaLabel = `${GROUP}/replica`;

/** Digests: of the administrator's configuration, and of the snapshot in force. */
export const configurationDigest = `${GROUP}/configuration-digest`;
export const snapshotDigest = `${GROUP}/snapshot-digest`;
