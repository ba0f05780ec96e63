import { GROUP } from '../api/mcp-auth-policy.gen.ts';

/** What a replica enforces, as the annotations of its Lease. */
export type ReplicaContent = Readonly<Record<string, string>>;

/** The label of the Leases by which replicas say what they enforce; its value is `true`. */
export const replicaLabel = `${GROUP}/replica`;

/** Digests: of the administrator's configuration; of the snapshot in force, and of its parts. */
export const configurationDigest = `${GROUP}/configuration-digest`;
export const snapshotDigest = `${GROUP}/snapshot-digest`;
export const settingsDigest = `${GROUP}/settings-digest`;
export const groupDigests = `${GROUP}/group-digests`;
