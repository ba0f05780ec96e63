import { secondsOfClockSkew } from '../api/clock-skew.ts';
import type { McpAuthPolicySpec } from '../api/mcp-auth-policy.gen.ts';
import { digestOf } from './digest.ts';
import { appliesTo, type OperatorConfiguration } from './operator-configuration.ts';
import type { RefValues } from './resolve-refs.ts';
import type { JwtVerifierConfig, KeySourceConfig } from './verifier-config.ts';

/** The verifier of an accepted policy of mode OIDC. */
export function compileVerifier(
  spec: McpAuthPolicySpec,
  namespace: string,
  refs: RefValues,
  configuration: OperatorConfiguration,
): JwtVerifierConfig {
  return {
    mode: 'OIDC',
    issuer: spec.issuer,
    audiences: [...new Set([spec.audience, ...(spec.additionalAudiences ?? [])])],
    algorithms: spec.algorithms,
    clockSkewSeconds: secondsOfClockSkew(spec.clockSkew),
    tokenType: spec.tokenType,
    requiredScopes: spec.requiredScopes ?? [],
    requiredClaims: spec.requiredClaims ?? [],
    maxTokenBytes: configuration.limits.maxTokenBytes,
    keySource: compileKeySource(spec, namespace, refs, configuration),
  };
}

function compileKeySource(
  spec: McpAuthPolicySpec,
  namespace: string,
  { caPem, jwks }: RefValues,
  configuration: OperatorConfiguration,
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
