import type { ServerResponse } from 'node:http';
import { objectKey } from '../../api/kubernetes-object.ts';
import type { CompiledPolicy } from '../../policy/snapshot.ts';
import type { AnsweringBackend } from '../../telemetry/request-times.ts';
import type { UpstreamFailure } from '../../telemetry/upstream-metrics.ts';
import type { Clock } from '../../time/clock.ts';
import type { DecisionReason } from '../decision-reason.ts';
import type { RequestHead } from '../request-head.ts';
import { readTraceContext } from '../trace-context.ts';
import { type CallName, callOfHeaders } from './call-name.ts';
import type { ExchangeRecord } from './exchange-record.ts';

/** Told of what becomes of each request, as soon as it is known. */
export interface ExchangeObserver {
  /** Once for each request: with its answer's head, or when the client has left before. */
  onDecision(reason: DecisionReason, policy: CompiledPolicy | undefined, seconds: number): void;
  /** An admitted request is being answered: its status, and the seconds from its head to the answer's. */
  onAnswer(backend: AnsweringBackend, status: number, seconds: number): void;
  /** A refusal's head, or the end of an admitted request's answer. */
  onEnd(record: ExchangeRecord): void;
}

/** One request that is watched until it has been answered. */
export interface FollowedExchange {
  /** The gate has decided by the head; needed only when more happens before {@link settle}. */
  noteDecision(): void;
  /** The body has been read, and asks for this. */
  noteCall(call: CallName): void;
  /** The upstream has failed. */
  noteFailure(failure: UpstreamFailure): void;
  /** Says how the request is about to be answered, and by which policy. The last word before the answer's head counts. */
  settle(reason: DecisionReason, policy: CompiledPolicy | undefined): void;
}

interface ExchangeParts {
  readonly head: RequestHead;
  /** Not answered yet. */
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly observer: ExchangeObserver;
}

interface Outcome {
  readonly reason: DecisionReason;
  readonly policy: CompiledPolicy | undefined;
  readonly decisionSeconds: number;
}

/** Begins to follow a request, at the moment when its head has arrived. */
export function followExchange({ head, response, clock, observer }: ExchangeParts): FollowedExchange {
  const startMs = clock.monotonicMs();
  const elapsed = (): number => (clock.monotonicMs() - startMs) / 1000;
  let call: CallName | undefined;
  let decisionSeconds: number | undefined;
  let headSeconds: number | undefined;
  let outcome: Outcome | undefined;
  let failure: UpstreamFailure | undefined;
  let isOver = false;

  const tell = ({ reason, policy, decisionSeconds }: Outcome): void =>
    observer.onDecision(reason, policy, decisionSeconds);

  function end(): void {
    if (isOver || outcome === undefined) return;
    isOver = true;
    if (headSeconds === undefined) tell(outcome);
    const seconds = elapsed();
    const isCut = isAdmitted(outcome) && !response.writableFinished;
    const status = headSeconds === undefined ? undefined : response.statusCode;
    observer.onEnd(
      toRecord({
        ...outcome,
        head,
        call: call ?? callOfHeaders(head),
        status,
        headSeconds,
        seconds,
        isCut,
        failure,
      }),
    );
  }

  onHead(response, () => {
    if (headSeconds !== undefined || isOver) return;
    headSeconds = elapsed();
    if (outcome === undefined) return;
    tell(outcome);
    if (isAdmitted(outcome)) observer.onAnswer(backendOf(outcome), response.statusCode, headSeconds);
    else end();
  });
  response.once('close', end);
  return {
    noteDecision() {
      decisionSeconds ??= elapsed();
    },
    noteFailure(cause) {
      failure ??= cause;
    },
    noteCall(read) {
      call = read;
    },
    settle(reason, policy) {
      decisionSeconds ??= elapsed();
      outcome = { reason, policy, decisionSeconds };
      // The client may have left before: nothing more will happen.
      if (response.destroyed) end();
    },
  };
}

function isAdmitted({ reason }: Outcome): boolean {
  return reason === 'admitted';
}

function backendOf({ policy }: Outcome): AnsweringBackend {
  return policy?.upstream === undefined ? 'builtin' : 'upstream';
}

/** Calls `task` whenever the head of an answer has been made, by whom ever: Node tells of it in no other way. */
function onHead(response: ServerResponse, task: () => void): void {
  const writeHead = response.writeHead.bind(response) as (...args: readonly unknown[]) => ServerResponse;
  response.writeHead = (...args: readonly unknown[]) => {
    writeHead(...args);
    task();
    return response;
  };
}

interface Known extends Outcome {
  readonly head: RequestHead;
  readonly call: CallName | undefined;
  readonly status: number | undefined;
  readonly headSeconds: number | undefined;
  readonly seconds: number;
  readonly isCut: boolean;
  readonly failure: UpstreamFailure | undefined;
}

function toRecord({ head, policy, call, status, headSeconds, failure, ...known }: Known): ExchangeRecord {
  const traceId = readTraceContext(head)?.traceId;
  return {
    ...known,
    method: head.method,
    ...(policy === undefined ? {} : { policy: objectKey(policy) }),
    ...(call === undefined ? {} : { call }),
    ...(status === undefined ? {} : { status }),
    ...(headSeconds === undefined ? {} : { headSeconds }),
    ...(traceId === undefined ? {} : { traceId }),
    ...(failure === undefined ? {} : { failure }),
  };
}
