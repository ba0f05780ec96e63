/** One thing that is wrong with an object a person wrote. */
export interface FieldError {
  /** Path of the field as one would type it, such as `spec.requiredClaims[2].values`. */
  readonly path: string;
  /** What is wrong and how to mend it; one clause without the path and without a full stop. */
  readonly message: string;
}

/** The outcome of reading an untyped value: the typed one, or everything that is wrong with it (at least one error). */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly FieldError[] };
