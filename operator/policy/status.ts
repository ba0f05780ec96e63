import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { conditionsFor } from './conditions.ts';
import type { Outcome } from './finding.ts';
import type { Observation, SelfTestResult } from './observation.ts';
import type { CompiledPolicy } from './snapshot.ts';

export interface StatusInputs {
  readonly outcome: Outcome;
  /** Absent when the policy owns no resource. */
  readonly compiled?: CompiledPolicy;
  /** Absent when the policy is not enforced. */
  readonly observation?: Observation;
  /** The status that was written before, if any. */
  readonly previous?: McpAuthPolicyStatus;
  readonly operatorVersion: string;
  readonly nowMs: number;
}

/** The whole status of a policy. When nothing has changed it is equal to `previous`, times included. */
export function statusFor(inputs: StatusInputs): McpAuthPolicyStatus {
  const { outcome, compiled, observation, previous, nowMs } = inputs;
  const now = formatTime(nowMs);
  const issuer = issuerFacts(observation);
  const verification = verificationFacts(inputs, now);
  return {
    observedGeneration: outcome.generation,
    conditions: conditionsFor(outcome, observation, previous?.conditions ?? [], now),
    ...(compiled === undefined ? {} : { resource: compiled.resource }),
    ...(compiled?.metadata === undefined ? {} : { resourceMetadataURL: compiled.metadataURL }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(verification === undefined ? {} : { verification }),
  };
}

function issuerFacts(observation: Observation | undefined): McpAuthPolicyStatus['issuer'] {
  if (observation?.issuer.kind !== 'loaded') return undefined;
  const { keys, keySetDigest, jwksURI } = observation.issuer;
  return { ...(jwksURI === undefined ? {} : { jwksURI }), keys, keySetDigest };
}

function verificationFacts(inputs: StatusInputs, now: string): McpAuthPolicyStatus['verification'] {
  const { observation, previous, operatorVersion } = inputs;
  if (observation?.selfTest?.kind !== 'tested') return undefined;
  const { result } = observation.selfTest;
  const before = previous?.verification;
  const tested = { configDigest: shortDigest(result.configDigest), operatorVersion };
  const sameConfiguration =
    before?.configDigest === tested.configDigest && before.operatorVersion === operatorVersion;
  const sameOutcome = sameConfiguration && isSameResult(before, result);
  return {
    ...tested,
    checks: result.checks,
    failed: result.failed,
    time: (sameOutcome ? before?.time : undefined) ?? now,
  };
}

function isSameResult(
  before: NonNullable<McpAuthPolicyStatus['verification']>,
  { checks, failed }: SelfTestResult,
): boolean {
  return before.checks === checks && (before.failed ?? []).join() === failed.join();
}

/** 16 hex digits are enough to tell configurations apart for a person. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
