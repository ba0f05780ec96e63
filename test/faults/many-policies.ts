import type { Installation } from './installation.ts';

/** A policy to be applied with many others. */
export interface PlannedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly spec: object;
}

const perCall = 200;
const atOnce = 2;

/** Creates a namespace for a tenant, with the authority that its policies trust. */
export async function createTenant(
  { kubectl, cluster, tenants }: Installation,
  namespace: string,
): Promise<void> {
  await kubectl('create', 'namespace', namespace);
  const metadata = { name: 'trust', namespace };
  const data = { 'ca.crt': tenants.issuer.caPem };
  await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
}

/** Applies policies, many in one call. */
export async function applyAll({ cluster }: Installation, policies: readonly PlannedPolicy[]): Promise<void> {
  const items = policies.map(({ spec, ...metadata }) => ({
    ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec },
  }));
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const chunk = items.slice(next, next + perCall);
      next += perCall;
      await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: chunk }));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
