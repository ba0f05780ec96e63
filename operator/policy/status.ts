import type { McpAuthPolicyStatus } from '../api/mcp-auth-policy.gen.ts';
import { conditionsFor } from './conditions.ts';
import type { Outcome } from './finding.ts';
import type { CallerFacts, Observation, SelfTestResult } from './observation.ts';
import type { CompiledPolicy } from './snapshot.ts';

type Verification = NonNullable<McpAuthPolicyStatus['verification']>;

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

function verificationFacts(inputs: StatusInputs, now: string): Verification | undefined {
  const { observation, previous, operatorVersion } = inputs;
  if (observation?.selfTest?.kind !== 'tested') return undefined;
  const { result } = observation.selfTest;
  const tested = { configDigest: shortDigest(result.configDigest), operatorVersion };
  const before = isAbout(previous?.verification, tested) ? previous?.verification : undefined;
  return {
    ...tested,
    checks: result.checks,
    failed: namesOf(result),
    time: (isSameResult(before, result) ? before?.time : undefined) ?? now,
    ...callerFacts(observation.callers, before, now),
  };
}

function isAbout(
  before: Verification | undefined,
  { configDigest, operatorVersion }: Pick<Verification, 'configDigest' | 'operatorVersion'>,
): boolean {
  return before?.configDigest === configDigest && before?.operatorVersion === operatorVersion;
}

function isSameResult(before: Verification | undefined, result: SelfTestResult): boolean {
  return before?.checks === result.checks && (before.failed ?? []).join() === namesOf(result).join();
}

function namesOf({ failed }: SelfTestResult): readonly string[] {
  return failed.map(({ name }) => name);
}

/** @param before - what was said of this same configuration. */
function callerFacts(
  callers: CallerFacts | undefined,
  before: Verification | undefined,
  now: string,
): Pick<Verification, 'firstAcceptedTime' | 'rejections'> {
  // A time that is still to come was not written by us.
  const past = (time: string | undefined): string | undefined =>
    time !== undefined && time <= now ? time : undefined;
  const firstAcceptedTime = past(before?.firstAcceptedTime) ?? (callers?.hasAccepted ? now : undefined);
  const reason = callers?.dominantRejection ?? before?.rejections?.reason;
  const since = past(before?.rejections?.reason === reason ? before?.rejections?.since : undefined) ?? now;
  return {
    ...(firstAcceptedTime === undefined ? {} : { firstAcceptedTime }),
    ...(reason === undefined || reason === 'none' ? {} : { rejections: { reason, since } }),
  };
}

/** 16 hex digits are enough to tell configurations apart for a person. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16);
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function formatTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
