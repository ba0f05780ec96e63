/** The audit log of kube-apiserver: who asked for what, and how it was answered. */

/** A policy for `--audit-policy-file`: one line for each answer, without bodies. */
export const auditPolicy = JSON.stringify({
  ...{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy' },
  ...{ rules: [{ level: 'Metadata' }], omitStages: ['RequestReceived'] },
});

/** A request as the authorizer saw it. */
export interface AuditedRequest {
  readonly verb: string;
  readonly path: string;
  /** HTTP's; of the answer's head. */
  readonly code: number;
  /** Absent for what is no resource, such as `/readyz`. */
  readonly object?: AuditedObject;
}

export interface AuditedObject {
  /** With the subresource behind a slash. */
  readonly resource: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly namespace?: string;
  readonly name?: string;
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly responseStatus?: { readonly code: number };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
}

/** Reads what a user has asked for; a watch is there twice, at its begin and at its end. */
export function readRequestsOf(username: string, log: string): readonly AuditedRequest[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user }) => user.username === username)
    .map(toRequest);
}

function toRequest({ verb, requestURI, responseStatus, objectRef }: AuditEvent): AuditedRequest {
  const request = { verb, path: requestURI.replace(/\?.*/, ''), code: responseStatus?.code ?? 0 };
  if (objectRef === undefined) return request;
  const { resource, subresource, apiGroup: group = '', namespace, name } = objectRef;
  return {
    ...request,
    object: {
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      group,
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    },
  };
}
