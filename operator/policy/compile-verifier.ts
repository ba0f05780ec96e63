import { secondsOfClockSkew } from '../api/clock-skew.ts';
import type { McpAuthPolicySpec } from '../api/mcp-auth-policy.gen.ts';
import { digestOf } from './digest.ts';
import type { Inputs } from './inputs.ts';
import { appliesTo } from './operator-configuration.ts';
import type { RefValues } from './resolve-refs.ts';
import type { EnforcedConfig, KeySourceConfig, TokenRules } from './verifier-config.ts';

type Surroundings = Pick<Inputs, 'configuration' | 'cluster'>;

/** The verifier of an accepted policy. */
export function compileVerifier(
  spec: McpAuthPolicySpec,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  refs: RefValues,
  surroundings: Surroundings,
): EnforcedConfig {
  const rules = compileRules(spec, surroundings);
  const { mode } = spec;
  if (mode === 'TokenReview') return { mode, ...rules, namespace, policy: `${namespace}/${name}` };
  return { mode, ...rules, keySource: compileKeySource(spec, namespace, refs, surroundings) };
}

function compileRules(spec: McpAuthPolicySpec, { configuration }: Surroundings): TokenRules {
  return {
    issuer: spec.issuer,
    audiences: [...new Set([spec.audience, ...(spec.additionalAudiences ?? [])])],
    algorithms: spec.algorithms,
    clockSkewSeconds: secondsOfClockSkew(spec.clockSkew),
    tokenType: spec.tokenType,
    requiredScopes: spec.requiredScopes ?? [],
    requiredClaims: spec.requiredClaims ?? [],
    maxTokenBytes: configuration.limits.maxTokenBytes,
  };
}

function compileKeySource(
  spec: McpAuthPolicySpec,
  namespace: string,
  { caPem, jwks }: RefValues,
  { configuration, cluster }: Surroundings,
): KeySourceConfig {
  const inline = spec.jwks?.inline ?? jwks;
  if (inline !== undefined) return identify({ kind: 'static', jwks: inline });
  const trust = {
    ...(caPem === undefined ? {} : { caPem }),
    outbound: configuration.outbound.allow
      .filter((entry) => appliesTo(entry.namespaces, namespace))
      .map(({ hosts, cidrs, ports }) => ({ hosts, cidrs, ports })),
  };
  if (spec.jwks?.uri !== undefined) return identify({ kind: 'uri', uri: spec.jwks.uri, ...trust });
  const { issuer, discoveryURL } = spec;
  if (configuration.clusterIssuer && issuer === cluster.issuer && discoveryURL === undefined) {
    return identify({ kind: 'cluster', issuer });
  }
  return identify({
    kind: 'discovery',
    issuer,
    ...(discoveryURL === undefined ? {} : { discoveryURL }),
    ...trust,
  });
}

/** The id covers every trust input, so that nobody's keys are found under somebody else's id. */
function identify<T extends object>(config: T): T & { readonly id: string } {
  return { ...config, id: digestOf(config) };
}
