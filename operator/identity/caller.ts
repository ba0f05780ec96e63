import type { CompiledPolicy } from '../policy/snapshot.ts';
import type { Principal } from '../verify/verdict.ts';

/** Who was let in, and by which policy. */
export interface Caller {
  readonly policy: Pick<CompiledPolicy, 'namespace' | 'name' | 'resource' | 'verifier'>;
  readonly principal: Principal;
}
