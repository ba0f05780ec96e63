import type { IncomingMessage, ServerResponse } from 'node:http';
import { objectKey } from '../api/kubernetes-object.ts';
import type { Shares } from '../policy/snapshot.ts';
import type { WorkBudget } from '../time/work-budget.ts';
import { type Answer, overloaded, refuse } from './answer.ts';
import type { Admission, Backend } from './backend.ts';
import type { DecisionReason } from './decision-reason.ts';
import { type CallName, callOfBody } from './exchange/call-name.ts';
import type { Exchanges } from './exchange/exchanges.ts';
import type { FollowedExchange } from './exchange/followed-exchange.ts';
import { maxBuiltInBodyBytes } from './mcp/built-in-server.ts';
import { readBody } from './read-body.ts';
import { readHead } from './request-head.ts';
import type { Release, SharesInUse } from './shares.ts';
import { inspectRequest } from './tools/inspect-request.ts';
import { write } from './write.ts';

export interface AnsweringParts {
  readonly builtInServer: Backend;
  /** Passes requests on to the MCP servers behind policies. */
  readonly proxy: Backend;
  readonly exchanges: Exchanges;
  readonly shares: SharesInUse;
  readonly limits: () => Pick<Shares, 'maxInspectedBytes'>;
  /** Does work that takes long for a large body, when there is time for this namespace. */
  readonly spend: WorkBudget['spend'];
}

/** A request that the gate has let in. */
export interface Admitted {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly admission: Admission;
  readonly exchange: FollowedExchange;
}

/** What MCP knows. */
const mcpMethods = ['POST', 'GET', 'DELETE'];

/** Answers an admitted request: by what is behind its policy, unless its share is used up or a tool rule is against it. */
export async function answerAdmitted(admitted: Admitted, parts: AnsweringParts): Promise<void> {
  const { incoming, response, admission, exchange } = admitted;
  const { policy } = admission;
  const settle = (reason: DecisionReason, answer?: Answer): void => {
    exchange.settle(reason, policy);
    if (answer !== undefined) write(response, answer);
  };
  // The client may have left while the keys were fetched.
  if (response.destroyed) return settle('admitted');
  const release = parts.shares.takeRequest(objectKey(policy));
  if (release === undefined) return settle('overloaded', overloaded());
  response.once('close', release);
  if (!mcpMethods.includes(incoming.method ?? '')) {
    return settle('admitted', refuse(405, 'Use POST.', { allow: mcpMethods.join(', ') }));
  }
  parts.exchanges.add(admission, response);
  const inspected = await inspect(admitted, parts);
  if (inspected.call !== undefined) exchange.noteCall(inspected.call);
  if (inspected.kind === 'answer') return settle(inspected.reason, inspected.answer);
  settle('admitted');
  // The policy may have been changed, or the token expired, while the body came in.
  if (inspected.kind === 'gone' || response.destroyed) return;
  const { body } = inspected;
  const backend = policy.upstream === undefined ? parts.builtInServer : parts.proxy;
  const { noteFailure } = exchange;
  const noteOverload = (): void => settle('overloaded');
  const request = { incoming, admission, noteFailure, noteOverload, ...(body === undefined ? {} : { body }) };
  await backend.handle(request, response);
}

type Inspected = { readonly call?: CallName } & (
  | { readonly kind: 'pass'; readonly body?: Uint8Array }
  | { readonly kind: 'answer'; readonly answer: Answer; readonly reason: DecisionReason }
  | { readonly kind: 'gone' }
);

/** Reads the body where something here has to know it: the built-in server, or the tool rules of the policy. */
async function inspect(admitted: Admitted, parts: AnsweringParts): Promise<Inspected> {
  const { incoming, admission } = admitted;
  const { upstream, tools } = admission.policy;
  if (incoming.method !== 'POST' || (upstream !== undefined && tools.length === 0)) return { kind: 'pass' };
  const maxBytes = upstream === undefined ? maxBuiltInBodyBytes : parts.limits().maxInspectedBytes;
  const read = await readBody(incoming, { maxBytes, hold: holdFor(admitted, parts.shares) });
  switch (read.kind) {
    case 'too-large':
      return answerUnread(refuse(413, `The body is larger than ${maxBytes} bytes.`), 'message_too_large');
    case 'no-share':
      return answerUnread(overloaded(), 'overloaded');
    case 'gone':
      return { kind: 'gone' };
    case 'read':
      return await judge(admitted, read.body, parts);
  }
}

/** The rest of the body is on its way: nothing else can come on this connection. */
function answerUnread(answer: Answer, reason: DecisionReason): Inspected {
  return {
    kind: 'answer',
    answer: { ...answer, headers: { ...answer.headers, connection: 'close' } },
    reason,
  };
}

async function judge(
  { incoming, admission }: Admitted,
  body: Uint8Array,
  { spend }: AnsweringParts,
): Promise<Inspected> {
  const { namespace, tools } = admission.policy;
  if (tools.length === 0) return { kind: 'pass', body };
  const { call, ...inspection } = await spend(namespace, () =>
    inspectRequest({ head: readHead(incoming), body }, admission),
  );
  const named = call === undefined ? {} : { call: callOfBody(call) };
  return inspection.kind === 'pass' ? { kind: 'pass', body, ...named } : { ...inspection, ...named };
}

/** Takes bytes of the policy's share until the request has been answered. */
function holdFor({ response, admission }: Admitted, shares: SharesInUse): (bytes: number) => boolean {
  const held: Release[] = [];
  response.once('close', () => {
    for (const release of held) release();
  });
  return (bytes) => {
    const release = shares.takeBytes(objectKey(admission.policy), bytes);
    if (release !== undefined) held.push(release);
    return release !== undefined;
  };
}
