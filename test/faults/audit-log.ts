import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
  const rules = [{ level: 'Metadata', users: [user], omitStages: ['RequestReceived'] }, { level: 'None' }];
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
