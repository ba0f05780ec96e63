import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../identity/caller.ts';
import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { UpstreamFailure } from '../telemetry/upstream-metrics.ts';

/** Who was let in, and by which policy: all of it. */
export interface Admission extends Caller {
  readonly policy: CompiledPolicy;
}

/** A request that was let in. */
export interface AdmittedRequest {
  /** Its head as it arrived, the caller's token included, which goes no further. */
  readonly incoming: IncomingMessage;
  readonly admission: Admission;
  /** The whole body, when it has been read already: `incoming` then has nothing left. */
  readonly body?: Uint8Array;
  /** Takes why what is behind the gate has failed, if it has. */
  readonly noteFailure?: (failure: UpstreamFailure) => void;
  /** Takes that it is refused after all, as the policy's share is used up. Before the answer's head. */
  readonly noteOverload?: () => void;
}

/** What is behind the gate. */
export interface Backend {
  /** Answers one request. Resolves when it has no more to do for it; a stream may go on. */
  handle(request: AdmittedRequest, response: ServerResponse): Promise<void>;
}
