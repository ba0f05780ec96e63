import type { ErrorList } from './error-list.ts';

/**
 * Notes every item that is there already.
 *
 * @param unique whether the items differ by their value (`set`), or by these members
 * @param path where the list stands
 */
export function noteDuplicates(
  items: readonly unknown[],
  unique: 'set' | readonly string[],
  path: string,
  errors: ErrorList,
): void {
  const seen = new Map<unknown, number>();
  for (const [index, item] of items.entries()) {
    const key = unique === 'set' ? item : keyOf(item, unique);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
    } else if (key !== undefined) {
      const what = unique === 'set' ? 'repeats' : `has the same ${unique.join(' and ')} as`;
      errors.add(`${path}[${index}]`, `${what} ${path}[${first}]; remove one of them`);
    }
  }
}

/** Gives the identity of a map's entry, or undefined when a check of the entry itself will find it wrong. */
function keyOf(item: unknown, names: readonly string[]): string | undefined {
  if (typeof item !== 'object' || item === null) {
    return undefined;
  }
  const values = names.map((name) =>
    Object.hasOwn(item, name) ? (item as Record<string, unknown>)[name] : undefined,
  );
  return values.every((value) => typeof value === 'string') ? JSON.stringify(values) : undefined;
}
