import type { ReasonOf } from '../api/conditions.gen.ts';

/** What one step of compile has to say against a policy. `message` is one sentence with a full stop. */
export interface Finding<Type extends 'Accepted' | 'ResolvedRefs'> {
  readonly reason: ReasonOf<Type>;
  readonly message: string;
  /** Path of the field to mend, the first of them; absent when it is the object as a whole. */
  readonly field?: string;
}

/** What compile found about one policy; the conditions are computed from it. */
export interface Outcome {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** Why the policy is not accepted; absent when it is. */
  readonly refusal?: Finding<'Accepted'>;
  /** Why what it names cannot be used; absent when it can, or when the spec could not be read that far. */
  readonly brokenRef?: Finding<'ResolvedRefs'>;
  /** Tokens of this policy also open one in another namespace, which is not named here. */
  readonly sharesAudience: boolean;
}

/** Namespaces whose tokens open each other's resources: for the administrator only. */
export interface SharedAudience {
  readonly issuer: string;
  readonly audience: string;
  /** `namespace/name`, at least two, of at least two namespaces. */
  readonly policies: readonly string[];
}
