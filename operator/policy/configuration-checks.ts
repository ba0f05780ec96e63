import { type Check, list, string } from '../api/schema-checks.ts';

/** A check with a further rule; `expected` says to people what a good value is. */
export function refine<T>(check: Check<T>, expected: string, isGood: (value: T) => boolean): Check<T> {
  return {
    expected,
    read(value, path, errors) {
      const read = check.read(value, path, errors);
      if (read === undefined || isGood(read)) return read;
      errors.add(path, `must be ${expected}`);
      return undefined;
    },
  };
}

export const boolean: Check<boolean> = {
  expected: 'true or false',
  read(value, path, errors) {
    if (typeof value === 'boolean') return value;
    errors.add(path, 'must be true or false');
    return undefined;
  },
};

/** An object whose members are not known beforehand. */
export function record<T>(name: Check<string>, member: Check<T>): Check<Readonly<Record<string, T>>> {
  return {
    expected: 'an object',
    read(value, path, errors) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        errors.add(path, 'must be an object');
        return undefined;
      }
      const entries = Object.entries(value).map(([key, item]) => {
        const at = `${path}[${JSON.stringify(key)}]`;
        return [name.read(key, at, errors), member.read(item, at, errors)] as const;
      });
      return Object.freeze(Object.fromEntries(entries)) as Readonly<Record<string, T>>;
    },
  };
}

/** A list of texts that all follow one rule. */
export function texts(
  expected: string,
  isGood: (text: string) => boolean,
  minItems = 0,
): Check<readonly string[]> {
  return list(refine(string({ expected, minLength: 1, maxLength: 1024 }), expected, isGood), {
    minItems,
    maxItems: 1000,
    unique: 'set',
  });
}
