import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import type { Snapshot, Upstream } from '../../policy/snapshot.ts';
import type { UpstreamMetrics } from '../../telemetry/upstream-metrics.ts';
import type { Clock } from '../../time/clock.ts';
import { overloaded } from '../answer.ts';
import type { Admission, AdmittedRequest, Backend } from '../backend.ts';
import { write } from '../write.ts';
import { judgeAnswer, type PassedAnswer } from './answer-headers.ts';
import { type Connections, createConnections } from './connections.ts';
import { passBody } from './pass-body.ts';
import { type CallerParts, prepareRequest } from './prepare-request.ts';
import { sealSession } from './session-seal.ts';
import { createStandingStreams, type StandingStreams } from './standing-streams.ts';
import { openExchange, type UpstreamExchange } from './upstream-exchange.ts';
import { answerFailure, failureOf, UpstreamError } from './upstream-failure.ts';

export interface ProxyParts extends CallerParts {
  readonly clock: Clock;
  /**
   * What the answer's body goes through; undefined when it goes on as it is.
   *
   * @param answer - its status, and its media type: lower case, without parameters; empty when it has none.
   * @returns `refuse` when such an answer must not go on, because it cannot be looked into.
   */
  readonly filterFor: (
    admission: Admission,
    answer: Pick<PassedAnswer, 'status' | 'mediaType'>,
  ) => Transform | 'refuse' | undefined;
  /** A share of the policy's event streams, to be given back; undefined when there is none left. */
  readonly takeStream: (admission: Admission) => (() => void) | undefined;
  /** How long an upstream may keep us waiting. */
  readonly patienceSeconds: () => number;
  readonly metrics: UpstreamMetrics;
}

export interface UpstreamProxy extends Backend {
  /** Lets go of connections to upstreams that no policy names any more. */
  keepOnly(snapshot: Pick<Snapshot, 'policies'>): void;
  /** Ends the streams that would not end by themselves, those as well that begin later. What was asked by POST goes on. */
  endStreams(): void;
}

interface Desk {
  readonly parts: ProxyParts;
  readonly connections: Connections;
  readonly standing: StandingStreams;
}

/** Streamable HTTP of all revisions, passed on to the MCP server behind a policy and back (RFC 9110 section 7.6). */
export function createProxy(parts: ProxyParts): UpstreamProxy {
  const desk: Desk = { parts, connections: createConnections(), standing: createStandingStreams() };
  return {
    handle: (request, response) => handle(request, response, desk),
    keepOnly: desk.connections.keepOnly,
    endStreams: desk.standing.endAll,
  };
}

async function handle(request: AdmittedRequest, response: ServerResponse, desk: Desk): Promise<void> {
  const { parts, connections } = desk;
  const { policy } = request.admission;
  const upstream = upstreamOf(request);
  const prepared = await prepareRequest(request, upstream, parts);
  if (prepared.kind === 'answer') {
    write(response, prepared.answer);
    return;
  }
  if (response.destroyed) return;
  const exchange = await openExchange({
    ...prepared,
    upstream,
    agent: connections.agentFor(policy, upstream),
    clock: parts.clock,
    patienceMs: parts.patienceSeconds() * 1000,
  });
  if (response.destroyed) {
    exchange.destroy();
    return;
  }
  let isAbandoned = false;
  response.once('close', () => {
    isAbandoned = !exchange.hasFailed();
    exchange.destroy();
    // The rest of a body that was answered early is in the way of the next request on this connection.
    request.incoming.unpipe();
    request.incoming.resume();
  });
  try {
    await passAnswer(exchange, request, response, desk);
  } catch (error) {
    exchange.destroy();
    // The client has left, or the policy or the token is over: nothing of it is the upstream's fault.
    if (!isAbandoned) fail(error, request, response, parts);
  }
}

function upstreamOf({ admission }: AdmittedRequest): Upstream {
  const { upstream } = admission.policy;
  if (upstream === undefined) throw new Error('a request for the built-in server reached the proxy');
  return upstream;
}

async function passAnswer(
  exchange: UpstreamExchange,
  { incoming, admission, body, noteOverload }: AdmittedRequest,
  response: ServerResponse,
  { parts, standing }: Desk,
): Promise<void> {
  const answer = await receive(exchange, body ?? (incoming.method === 'POST' ? incoming : undefined), parts);
  // A share that is taken from here on is given back when the response closes.
  if (response.destroyed) return;
  const passed = judgeAnswer(answer.statusCode ?? 0, answer.rawHeaders);
  const filter = passed && parts.filterFor(admission, passed);
  if (passed === undefined || filter === 'refuse') throw new UpstreamError('bad_answer');
  const isEventStream = passed.mediaType === 'text/event-stream';
  if (!isEventStream) {
    answer.on('data', exchange.touch);
  } else if (takeShare(admission, response, parts)) {
    exchange.waitForever();
  } else {
    exchange.destroy();
    noteOverload?.();
    write(response, overloaded());
    return;
  }
  const headers = headersFor(passed, { admission, key: parts.sessionKeys()[0] });
  const patienceMs = parts.patienceSeconds() * 1000;
  const passing = passBody(
    { status: passed.status, headers, isEventStream, answer, filter, patienceMs },
    response,
  );
  if (isEventStream && incoming.method === 'GET') standing.add(filter ?? answer, response);
  await passing;
}

/** Takes a share of the policy's streams until this one is over; false when there is none left. */
function takeShare(
  admission: Admission,
  response: ServerResponse,
  { takeStream }: Pick<ProxyParts, 'takeStream'>,
): boolean {
  const release = takeStream(admission);
  if (release === undefined) return false;
  response.once('close', release);
  return true;
}

async function receive(
  exchange: UpstreamExchange,
  body: Uint8Array | IncomingMessage | undefined,
  { clock, metrics }: ProxyParts,
): Promise<IncomingMessage> {
  const startMs = clock.monotonicMs();
  const answer = await exchange.send(body);
  metrics.noteAnswer((clock.monotonicMs() - startMs) / 1000);
  return answer;
}

function headersFor(
  { headers, mediaType, sessionId }: PassedAnswer,
  how: { readonly admission: Admission; readonly key: Uint8Array | undefined },
): Record<string, string> {
  const isSealable = sessionId !== undefined && how.key !== undefined;
  const sealed = isSealable ? sealSession(sessionId, how.admission, how.key) : undefined;
  if (sessionId !== undefined && sealed === undefined) throw new UpstreamError('bad_answer');
  return {
    ...headers,
    ...(sealed === undefined ? {} : { 'mcp-session-id': sealed }),
    // A proxy in front would hold events back until it has enough of them.
    ...(mediaType === 'text/event-stream' ? { 'x-accel-buffering': 'no' } : {}),
  };
}

function fail(
  error: unknown,
  { noteFailure }: AdmittedRequest,
  response: ServerResponse,
  { metrics }: ProxyParts,
): void {
  const failure = failureOf(error);
  metrics.countFailure(failure);
  noteFailure?.(failure);
  // A body that has begun must not look complete.
  if (response.headersSent) response.destroy();
  else write(response, answerFailure(failure));
}
