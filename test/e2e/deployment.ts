import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';

/** A policy as a user writes it. */
export interface PolicyManifest {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What a user sees of it. */
export interface SeenPolicy {
  readonly generation: number;
  readonly status: McpAuthPolicyStatus | undefined;
}

/** The namespace of every policy of the scenario. */
export const namespace = 'team-a';

/** A running operator with a source of policies: a folder, or a cluster. */
export interface Deployment {
  readonly publicURL: string;
  applyConfigMap(name: string, data: Readonly<Record<string, string>>): Promise<void>;
  apply(policy: PolicyManifest): Promise<void>;
  remove(name: string): Promise<void>;
  /** Undefined when the source does not have it. */
  see(name: string): Promise<SeenPolicy | undefined>;
  log(): string;
  stop(): Promise<number | null>;
}

/** The administrator's configuration of the scenario: an issuer on this machine may be reached at these ports. */
export function operatorConfiguration(ports: readonly number[]): string {
  const allow = [{ namespaces: [namespace], hosts: ['localhost'], cidrs: ['127.0.0.0/8', '::1/128'], ports }];
  return JSON.stringify({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'OperatorConfiguration',
    outbound: { allow },
  });
}
