import { GROUP } from '../api/mcp-auth-policy.gen.ts';

/** What a replica enforces, as the annotations of its Lease. */
export type ReplicaContent = Readonly<Record<string, string>>;

/** The label of the Leases by which replicas say what they enforce; its value is `true`. */
export const replicaLabel = `${GROUP}/replica`;

/** Versions: the highest resourceVersion of each collection that has been applied. */
export const policiesVersion = `${GROUP}/policies-version`;
export const configMapsVersion = `${GROUP}/config-maps-version`;
/** Digests: of the administrator's configuration, and of the snapshot in force. */
export const configurationDigest = `${GROUP}/configuration-digest`;
export const snapshotDigest = `${GROUP}/snapshot-digest`;

const versions: ReadonlySet<string> = new Set([policiesVersion, configMapsVersion]);
/** As Kubernetes reads a resourceVersion to be compared; anything else can only be equal. */
const decimal = /^[1-9]\d*$/;

/** Whether a replica that says `content` enforces all of `wanted`: the same digests, and versions that are no older. */
export function isEnforced(content: ReplicaContent, wanted: ReplicaContent): boolean {
  return Object.entries(wanted).every(([name, value]) => {
    const said = content[name];
    return said !== undefined && (said === value || (versions.has(name) && isNewer(said, value)));
  });
}

/** Compares as integers of any length. */
function isNewer(version: string, than: string): boolean {
  if (!decimal.test(version) || !decimal.test(than)) {
    return false;
  }
  return version.length === than.length ? version > than : version.length > than.length;
}
