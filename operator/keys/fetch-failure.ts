import type { KeyFailure } from './key-source.ts';

/** Carries a failure through the steps of one fetch; it ends as a value in `outbound.ts` and is never seen beyond. */
export class FetchFailure extends Error {
  readonly failure: KeyFailure;
  /** The server was reached and answered, only not with what was asked for. */
  readonly isAnswer: boolean;

  constructor(failure: KeyFailure, { isAnswer = false } = {}) {
    super(failure);
    this.failure = failure;
    this.isAnswer = isAnswer;
  }
}
