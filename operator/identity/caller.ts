import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { Principal } from '../verify/verdict.ts';

/** Who was let in, and by which policy: what of both an upstream may be told, or how long it is true. */
export interface Caller {
  readonly policy: Pick<CompiledPolicy, 'namespace' | 'name' | 'resource' | 'verifier'>;
  readonly principal: Principal;
}

/** Epoch seconds until which the caller's token is let in: the clock skew counts as it does at the gate. */
export function letInUntil({ policy: { verifier }, principal }: Caller): number {
  const skewSeconds = verifier.mode === 'deny' ? 0 : verifier.clockSkewSeconds;
  return principal.expiresAt + skewSeconds;
}
