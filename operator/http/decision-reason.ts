import type { DenialReason } from '../verify/denial.ts';

/** Outcomes of a request that are no denials of credentials; see `docs/denials.md`. */
export const otherOutcomes = [
  'admitted',
  'metadata',
  'assertion_keys',
  'preflight',
  'host_not_allowed',
  'path_not_found',
  'origin_not_allowed',
  'policy_denies',
  'keys_unavailable',
  'review_unavailable',
  'not_ready',
  'overloaded',
  'message_invalid',
  'header_mismatch',
  'message_too_large',
] as const;

/** Why a request was answered as it was, from a closed list: metric label and log field. */
export type DecisionReason = DenialReason | (typeof otherOutcomes)[number];
