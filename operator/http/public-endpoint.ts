import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { objectKey } from '../api/kubernetes-object.ts';
import type { Snapshot } from '../policy/snapshot.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { refuse, unavailable } from './answer.ts';
import { type AnsweringParts, answerAdmitted } from './answer-admitted.ts';
import type { Admission } from './backend.ts';
import { type ExchangeObserver, followExchange } from './exchange/followed-exchange.ts';
import type { Decision, Gate } from './gate/gate.ts';
import { type RequestHead, readHead } from './request-head.ts';
import { write } from './write.ts';

export interface PublicEndpointParts extends AnsweringParts {
  readonly gate: Gate;
  /** The snapshot in force, which a request takes once; undefined while the policies are not known yet. */
  readonly currentSnapshot: () => Snapshot | undefined;
  readonly observer: ExchangeObserver;
  readonly clock: Clock;
  readonly log: Logger;
}

const notReadyRetrySeconds = 5;
/** A policy that is edited again and again must not keep a request for ever. */
const maxDecisions = 3;

/** What answers on the public port. */
export function createPublicEndpoint(parts: PublicEndpointParts): RequestListener {
  return (request, response) => {
    serve(request, response, parts).catch((error: unknown) => {
      parts.log.error('request failed', { error: error instanceof Error ? error.stack : String(error) });
      if (response.headersSent) response.destroy();
      else write(response, refuse(500, 'Internal error.'));
    });
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: PublicEndpointParts,
): Promise<void> {
  const head = readHead(request);
  if (request.httpVersionMajor !== 1) {
    // Node's parser lets a request line say so; what follows is HTTP/1 all the same.
    write(response, refuse(505, 'Use HTTP/1.1.'));
    return;
  }
  const exchange = followExchange({ head, response, clock: parts.clock, observer: parts.observer });
  const decision = await decide(head, parts);
  if (decision.kind === 'answer') {
    exchange.settle(decision.reason, decision.policy);
    write(response, decision.answer);
    return;
  }
  for (const [name, value] of Object.entries(decision.headers)) response.setHeader(name, value);
  exchange.noteDecision();
  await answerAdmitted({ incoming: request, response, admission: decision, exchange }, parts);
}

/**
 * Decides by one snapshot. While keys were fetched the policy may have been changed or deleted, or the token expired: an
 * admission that is not good any more is decided again.
 */
async function decide(
  head: RequestHead,
  { gate, currentSnapshot, exchanges }: PublicEndpointParts,
): Promise<Decision> {
  for (let attempt = 0; attempt < maxDecisions; attempt += 1) {
    const snapshot = currentSnapshot();
    if (snapshot === undefined) break;
    const decision = await gate(head, snapshot);
    if (
      decision.kind === 'answer' ||
      (isInForce(decision, currentSnapshot()) && !exchanges.isOver(decision))
    ) {
      return decision;
    }
  }
  return { kind: 'answer', answer: unavailable(notReadyRetrySeconds), reason: 'not_ready' };
}

function isInForce({ policy }: Admission, snapshot: Snapshot | undefined): boolean {
  return snapshot?.policies.get(objectKey(policy))?.digest === policy.digest;
}
