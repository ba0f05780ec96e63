import { decodePolicySpec } from '../api/decode.ts';
import type { FieldError } from '../api/field-error.ts';
import type { ObjectMeta } from '../api/kubernetes-object.ts';
import type { McpAuthPolicySpec } from '../api/mcp-auth-policy.gen.ts';
import { compileVerifier } from './compile-verifier.ts';
import { digestOf } from './digest.ts';
import type { Finding, Outcome } from './finding.ts';
import type { Inputs, SourcePolicy } from './inputs.ts';
import { type Reference, type RefValues, referencesOf, resolveRefs } from './resolve-refs.ts';
import { type ClaimOutcome, claimResource } from './resource-claim.ts';
import type { CompiledPolicy, ResourceMetadata, ToolRule, Upstream } from './snapshot.ts';
import { checkSpec } from './spec-checks.ts';
import type { VerifierConfig } from './verifier-config.ts';

/** A condition's message holds 1024 characters. */
const maxErrorLength = 900;

/** One policy judged alone, before it is compared with the others. */
export interface Judged {
  readonly outcome: Outcome;
  readonly creationTimestamp?: string;
  /** The ConfigMap values that it names, also those that are no good; absent when the spec cannot be read. */
  readonly references?: readonly Reference[];
  /** Absent when there is no URL that the policy may have. */
  readonly compiled?: CompiledPolicy;
}

export type Judge = (source: SourcePolicy, inputs: Inputs) => Judged;

export function judgePolicy(source: SourcePolicy, inputs: Inputs): Judged {
  const { object, problem } = source;
  const decoded = decodePolicySpec(object);
  if (problem !== undefined || !decoded.ok) {
    const refusal =
      problem === undefined && !decoded.ok ? refuseSpec(decoded.errors) : refuseObject(problem ?? '');
    return judgeUnreadable(source, refusal, inputs);
  }
  const spec = decoded.value;
  const { namespace } = object.metadata;
  const claim = claimResource(spec.resource, object.metadata, inputs.configuration);
  const refusal = claim.ok
    ? checkSpec(spec, namespace, inputs)
    : ({ reason: 'ResourceNotAllowed', message: `${claim.message}.`, field: 'spec.resource' } as const);
  const refs = resolveRefs(spec, namespace, inputs);
  const judged = assemble(source, claim, {
    ...(refusal === undefined ? {} : { refusal }),
    ...(refs.ok ? {} : { brokenRef: refs.finding }),
    ...(refusal === undefined && refs.ok
      ? compileEnforced(spec, object.metadata, refs.values, inputs)
      : { verifier: { mode: 'deny' } }),
    ...(refusal?.reason === 'IssuerNotAllowed' ? {} : { publish: spec }),
  });
  return { ...judged, references: referencesOf(spec, namespace, inputs.configMaps) };
}

type Enforced = Pick<Judgement, 'verifier' | 'upstream' | 'tools'>;

function compileEnforced(
  spec: McpAuthPolicySpec,
  metadata: ObjectMeta,
  refs: RefValues,
  inputs: Inputs,
): Enforced {
  return {
    verifier: compileVerifier(spec, metadata, refs, inputs),
    ...(refs.upstream === undefined ? {} : { upstream: refs.upstream }),
    ...(spec.tools === undefined ? {} : { tools: spec.tools }),
  };
}

/** The same policy with its resource kept and nobody let in. */
export function denyPolicy(compiled: CompiledPolicy): CompiledPolicy {
  const { digest: _, upstream: __, generation, ...rest } = compiled;
  const denied = { ...rest, verifier: { mode: 'deny' } as const, tools: [] };
  return { ...denied, generation, digest: digestOf(denied) };
}

interface Judgement {
  readonly upstream?: Upstream;
  readonly tools?: readonly ToolRule[];
  readonly refusal?: Finding<'Accepted'>;
  readonly brokenRef?: Finding<'ResolvedRefs'>;
  readonly verifier: VerifierConfig;
  /** The spec from which metadata may be published, also while requests are denied. */
  readonly publish?: McpAuthPolicySpec;
}

/** A policy whose spec cannot be read still keeps the resource that it most likely means. */
function judgeUnreadable(source: SourcePolicy, refusal: Finding<'Accepted'>, inputs: Inputs): Judged {
  const { spec } = source.object as { readonly spec?: { readonly resource?: unknown } | null };
  const asked = typeof spec?.resource === 'string' ? spec.resource : undefined;
  const claim = claimResource(asked, source.object.metadata, inputs.configuration);
  return assemble(source, claim, { refusal, verifier: { mode: 'deny' } });
}

function assemble({ object }: SourcePolicy, claim: ClaimOutcome, judgement: Judgement): Judged {
  const { namespace, name, generation = 1, creationTimestamp } = object.metadata;
  const { verifier, publish, upstream, tools = [], ...findings } = judgement;
  const outcome: Outcome = { namespace, name, generation, ...findings, sharesAudience: false };
  const judged = { outcome, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
  if (!claim.ok) return judged;
  const { resource } = claim.claim;
  const content = {
    namespace,
    name,
    ...claim.claim,
    ...(publish === undefined ? {} : { metadata: resourceMetadata(resource, publish) }),
    verifier,
    ...(upstream === undefined ? {} : { upstream }),
    tools,
  };
  return { ...judged, compiled: { ...content, generation, digest: digestOf(content) } };
}

function resourceMetadata(resource: string, spec: McpAuthPolicySpec): ResourceMetadata {
  const { requiredScopes = [] } = spec;
  return {
    resource,
    authorization_servers: [spec.issuer],
    // Members without values are left out (RFC 9728 section 3.2).
    ...(requiredScopes.length === 0 ? {} : { scopes_supported: requiredScopes }),
    bearer_methods_supported: ['header'],
  };
}

function refuseObject(problem: string): Finding<'Accepted'> {
  return { reason: 'Invalid', message: `${problem}.` };
}

function refuseSpec(errors: readonly FieldError[]): Finding<'Accepted'> {
  const text = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const message = text.length <= maxErrorLength ? `${text}.` : `${text.slice(0, maxErrorLength)}…`;
  const [first] = errors;
  return { reason: 'Invalid', message, ...(first === undefined ? {} : { field: first.path }) };
}
