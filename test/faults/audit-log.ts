import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';

/** A request of the operator, as the API server has noted it. */
export interface AuditEntry {
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  /** Of writes of statuses only: the policy as it was afterwards. */
  readonly responseObject?: McpAuthPolicy;
}

/** What the API server notes of the requests of one user: the source that says what the operator really asks. */
export interface AuditLog {
  /** Flags for kube-apiserver. */
  readonly apiServerArgs: readonly string[];
  /** Begins to look from here on; the function that it returns gives the entries since. */
  since(): () => readonly AuditEntry[];
}

/** Prepares a log in the folder of all that `user` asks, its watches included. */
export function prepareAuditLog(folder: string, user: string): AuditLog {
  const policyFile = join(folder, 'audit-policy.json');
  const file = join(folder, 'audit.log');
  writeFileSync(file, '');
  const ours = { users: [user], omitStages: ['RequestReceived'] };
  const statuses = [{ group: 'mcpauth.dev', resources: ['mcpauthpolicies/status'] }];
  const rules = [
    { ...ours, level: 'RequestResponse', resources: statuses, omitManagedFields: true },
    { ...ours, level: 'Metadata' },
    { level: 'None' },
  ];
  writeFileSync(policyFile, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  return {
    apiServerArgs: [`--audit-policy-file=${policyFile}`, `--audit-log-path=${file}`],
    since() {
      const start = readFileSync(file).length;
      return () => readEntries(readFileSync(file).subarray(start).toString());
    },
  };
}

/** Writes of policies' statuses. */
export function statusWrites(entries: readonly AuditEntry[]): readonly AuditEntry[] {
  return entries.filter(
    ({ verb, objectRef }) => verb === 'patch' && objectRef?.resource === 'mcpauthpolicies',
  );
}

/**
 * Statuses that were written over a newer one of the same object, or that speak of another version than the object's own:
 * what only a replica could write that does not know that it is out of date.
 */
export function staleWrites(entries: readonly AuditEntry[]): readonly string[] {
  const newest = new Map<string, number>();
  return statusWrites(entries)
    .flatMap(({ responseObject, responseStatus }) =>
      responseStatus?.code === 200 && responseObject !== undefined ? [responseObject] : [],
    )
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .filter(({ metadata: { uid = '', generation }, status }) => {
      const observed = status?.observedGeneration ?? -1;
      const isOlder = observed < (newest.get(uid) ?? -1);
      newest.set(uid, Math.max(observed, newest.get(uid) ?? -1));
      return isOlder || observed !== generation;
    })
    .map(({ metadata, status }) => `${metadata.name} ${status?.observedGeneration}`);
}

/** What is not a watch and not about a Lease: at rest there is none. */
export function calls(entries: readonly AuditEntry[]): readonly string[] {
  return entries
    .filter(({ verb, objectRef }) => verb !== 'watch' && objectRef?.resource !== 'leases')
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

function readEntries(text: string): readonly AuditEntry[] {
  // The last line may be half written.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AuditEntry);
}
