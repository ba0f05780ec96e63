import type { McpAuthPolicySpec } from '../api/mcp-auth-policy.gen.ts';
import type { Finding } from './finding.ts';
import type { Inputs } from './inputs.ts';
import { appliesTo } from './operator-configuration.ts';

type Check = (spec: McpAuthPolicySpec, namespace: string, inputs: Inputs) => Finding<'Accepted'> | undefined;

/** What the administrator, and the way of running, say against a well-formed spec: the first finding, most severe first. */
export function checkSpec(
  spec: McpAuthPolicySpec,
  namespace: string,
  inputs: Inputs,
): Finding<'Accepted'> | undefined {
  for (const check of checks) {
    const finding = check(spec, namespace, inputs);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

const checks: readonly Check[] = [checkIssuer, checkAudiences, checkMode];

function checkIssuer(
  spec: McpAuthPolicySpec,
  namespace: string,
  { configuration }: Inputs,
): Finding<'Accepted'> | undefined {
  const { issuers } = configuration;
  const allowed =
    issuers.length === 0 ||
    issuers.some((entry) => appliesTo(entry.namespaces, namespace) && entry.issuers.includes(spec.issuer));
  if (allowed) return undefined;
  return {
    reason: 'IssuerNotAllowed',
    message: 'spec.issuer: the administrator does not allow this issuer in this namespace.',
    field: 'spec.issuer',
  };
}

function checkAudiences(spec: McpAuthPolicySpec, _: string, inputs: Inputs): Finding<'Accepted'> | undefined {
  const forbidden = new Set([...inputs.configuration.forbiddenAudiences, ...inputs.cluster.audiences]);
  const fields = [
    { path: 'spec.audience', audience: spec.audience },
    ...(spec.additionalAudiences ?? []).map((audience, index) => ({
      path: `spec.additionalAudiences[${index}]`,
      audience,
    })),
  ];
  const bad = fields.find(({ audience }) => forbidden.has(audience));
  if (bad === undefined) return undefined;
  return {
    reason: 'AudienceForbidden',
    message: `${bad.path}: this audience is reserved: choose one of your own.`,
    field: bad.path,
  };
}

function checkMode(spec: McpAuthPolicySpec, _: string, { cluster }: Inputs): Finding<'Accepted'> | undefined {
  if (spec.mode !== 'TokenReview' || cluster.reviewsTokens) return undefined;
  return {
    reason: 'Unsupported',
    message: 'spec.mode: TokenReview needs an API server: run the operator with a kubeconfig.',
    field: 'spec.mode',
  };
}
