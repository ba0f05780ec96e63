import type { FieldError } from './field-error.ts';

/** How many errors are told at most. */
export const maxErrors = 20;

/** Collects what is wrong, up to a bound: a hostile object must not become a long message. */
export class ErrorList {
  readonly errors: FieldError[] = [];

  get isFull(): boolean {
    return this.errors.length >= maxErrors;
  }

  /** Takes an error, unless the list is full. */
  add(path: string, message: string): void {
    if (!this.isFull) {
      this.errors.push({ path, message });
    }
  }
}
