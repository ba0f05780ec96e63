import type { UpstreamFailure } from '../../telemetry/upstream-metrics.ts';
import type { DecisionReason } from '../decision-reason.ts';
import type { CallName } from './call-name.ts';

/**
 * All that is written down of a request when it has been answered. Nothing else of the request may be added: no path,
 * query, header or other part of the body.
 */
export interface ExchangeRecord {
  readonly reason: DecisionReason;
  /** `namespace/name`; absent when no policy was found. */
  readonly policy?: string;
  /** Of HTTP; one of those that Node's parser knows. */
  readonly method: string;
  /** Absent when nothing says what was asked for. */
  readonly call?: CallName;
  /** Of HTTP; absent when the client had left before there was one. */
  readonly status?: number;
  /** From the request's head to what the gate decided by it: keys and the API server included, the body not. */
  readonly decisionSeconds: number;
  /** From the request's head to the answer's; absent when there was none. */
  readonly headSeconds?: number;
  /** From the request's head to the end of its answer, for a refusal to the answer's head. */
  readonly seconds: number;
  /** Of the trace that the caller says the request is part of. */
  readonly traceId?: string;
  /** The answer has not reached its end: the client or the upstream has left, or the policy or token is over. */
  readonly isCut: boolean;
  /** What went wrong at the upstream. */
  readonly failure?: UpstreamFailure;
}
