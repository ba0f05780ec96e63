/**
 * The vocabulary of the generated decoder: one check for each kind of schema, judging like the API server does.
 *
 * A check never throws, and its work is bounded by the schema: what is too long is not looked into.
 */
import { ErrorList } from './error-list.ts';
import type { Decoded } from './field-error.ts';
import { noteDuplicates } from './unique-items.ts';
import { noteUnknown } from './unknown-members.ts';

/** Reads one kind of value. */
export interface Check<T> {
  /** What a good value is, with its article: `a string`. */
  readonly expected: string;
  /** Gives a frozen copy of the value, or notes at least one error and gives undefined. */
  read(value: unknown, path: string, errors: ErrorList): T | undefined;
}

/** A member of an object that must be there. */
export interface Required<T> {
  readonly presence: 'required';
  readonly check: Check<T>;
}

/** A member of an object that may be left out. */
export interface Optional<T> {
  readonly presence: 'optional';
  readonly check: Check<T>;
}

/** A member of an object that may be left out and then has this value. */
export interface Defaulted<T> {
  readonly presence: 'defaulted';
  readonly check: Check<T>;
  readonly value: T;
}

type Members<T> = {
  readonly [K in keyof T]-?: Pick<T, never> extends Pick<T, K>
    ? Optional<Exclude<T[K], undefined>>
    : Required<T[K]> | Defaulted<T[K]>;
};

/** What a string must be; `expected` says it to people. */
export interface StringLimits {
  readonly expected: string;
  /** In Unicode code points, as Kubernetes counts. */
  readonly minLength?: number;
  readonly maxLength: number;
  readonly pattern?: string;
}

/** How many items a list must have, and whether and how they must differ. */
export interface ListLimits {
  readonly minItems?: number;
  readonly maxItems: number;
  /** The items must differ: in their value (`set`), or in these members. */
  readonly unique?: 'set' | readonly string[];
}

/**
 * Reads a whole value with a check.
 *
 * @param path where the value stands
 * @returns a fresh, deeply frozen value with defaults filled in, or all errors, but at most 20
 */
export function decodeWith<T>(check: Check<T>, value: unknown, path: string): Decoded<T> {
  const list = new ErrorList();
  if (value === undefined || value === null) {
    list.add(path, missing(check));
    return { ok: false, errors: list.errors };
  }
  const decoded = check.read(value, path, list);
  return decoded === undefined || list.errors.length > 0
    ? { ok: false, errors: list.errors }
    : { ok: true, value: decoded };
}

/** A member that must be there. */
export function required<T>(check: Check<T>): Required<T> {
  return { presence: 'required', check };
}

/** A member that may be left out. */
export function optional<T>(check: Check<T>): Optional<T> {
  return { presence: 'optional', check };
}

/** A member that has `value` when it is left out. */
export function defaulted<T>(check: Check<T>, value: T): Defaulted<T> {
  return { presence: 'defaulted', check, value };
}

/** A string within limits. */
export function string(limits: StringLimits): Check<string> {
  const { expected, minLength = 0, maxLength } = limits;
  const pattern = limits.pattern === undefined ? undefined : new RegExp(limits.pattern, 'u');
  return {
    expected,
    read(value, path, errors) {
      if (typeof value !== 'string') {
        errors.add(path, wrongType(expected, value));
      } else if (isLongerThan(value, maxLength)) {
        errors.add(path, `too long; shorten it to at most ${maxLength} characters`);
      } else if (value === '' && minLength > 0) {
        errors.add(path, `empty; set it to ${expected}`);
      } else if (!isLongerThan(value, minLength - 1)) {
        errors.add(path, `too short; set it to ${expected}, of at least ${minLength} characters`);
      } else if (pattern?.test(value) === false) {
        errors.add(path, `must be ${expected}`);
      } else {
        return value;
      }
      return undefined;
    },
  };
}

/** One string of a closed list. */
export function oneOf<T extends string>(values: readonly T[]): Check<T> {
  const expected = `one of ${values.join(', ')}`;
  return {
    expected,
    read(value, path, errors) {
      const found = values.find((known) => known === value);
      if (found === undefined) {
        errors.add(path, `must be ${expected}`);
      }
      return found;
    },
  };
}

/** A whole number from `minimum` to `maximum`. */
export function integer(minimum: number, maximum: number): Check<number> {
  const expected = `a whole number from ${minimum} to ${maximum}`;
  return {
    expected,
    read(value, path, errors) {
      if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) {
        return value;
      }
      errors.add(path, typeof value === 'number' ? `must be ${expected}` : wrongType(expected, value));
      return undefined;
    },
  };
}

/** A list of items that `item` reads. */
export function list<T>(item: Check<T>, limits: ListLimits): Check<readonly T[]> {
  const { minItems = 0, maxItems, unique } = limits;
  return {
    expected: 'a list',
    read(value, path, errors) {
      if (!Array.isArray(value)) {
        errors.add(path, wrongType('a list', value));
        return undefined;
      }
      if (value.length < minItems) {
        errors.add(path, `has ${value.length} items; give at least ${minItems}`);
        return undefined;
      }
      if (value.length > maxItems) {
        errors.add(path, `has ${value.length} items; keep at most ${maxItems}`);
        return undefined;
      }
      if (unique !== undefined) {
        noteDuplicates(value, unique, path, errors);
      }
      // Unlike map, it also visits the holes of a sparse array.
      const items = Array.from(value, (element, index) => item.read(element, `${path}[${index}]`, errors));
      return items.includes(undefined) ? undefined : Object.freeze(items as T[]);
    },
  };
}

/** An object with these members and no other. */
export function object<T extends object>(members: Members<T>): Check<T> {
  const known = Object.entries<Required<unknown> | Optional<unknown> | Defaulted<unknown>>(members);
  return {
    expected: 'an object',
    read(value, path, errors) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        errors.add(path, wrongType('an object', value));
        return undefined;
      }
      const given = value as Readonly<Record<string, unknown>>;
      const decoded: Record<string, unknown> = {};
      for (const [name, member] of known) {
        // Own members only: a prototype must not be able to fill a gap.
        const found = Object.hasOwn(given, name) ? given[name] : undefined;
        const result = readMember(member, found, `${path}.${name}`, errors);
        if (result !== undefined) {
          decoded[name] = result;
        }
      }
      noteUnknown(given, members, path, errors);
      return Object.freeze(decoded) as T;
    },
  };
}

/** Reads a member as the API server does, to which null is as good as absent. */
function readMember(
  member: Required<unknown> | Optional<unknown> | Defaulted<unknown>,
  value: unknown,
  path: string,
  errors: ErrorList,
): unknown {
  const present = value ?? (member.presence === 'defaulted' ? member.value : undefined);
  if (present !== undefined) {
    return member.check.read(present, path, errors);
  }
  if (member.presence === 'required') {
    errors.add(path, missing(member.check));
  }
  return undefined;
}

function missing(check: Check<unknown>): string {
  return `required; set it to ${check.expected}`;
}

function wrongType(expected: string, value: unknown): string {
  return `must be ${expected}, not ${typeName(value)}`;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (Array.isArray(value)) {
    return 'a list';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Whether a string has more than `limit` code points; of a long one no more is counted than needed. */
function isLongerThan(text: string, limit: number): boolean {
  if (text.length <= limit || text.length > 2 * limit) {
    return text.length > limit;
  }
  return [...text].length > limit;
}
