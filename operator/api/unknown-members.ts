import type { ErrorList } from './error-list.ts';

const maxNameLength = 64;

/**
 * Notes every member that is not known.
 *
 * @param members has the known members' names
 * @param path where the object stands
 */
export function noteUnknown(given: object, members: object, path: string, errors: ErrorList): void {
  for (const name of Object.keys(given)) {
    if (errors.isFull) {
      return;
    }
    if (!Object.hasOwn(members, name)) {
      const known = Object.keys(members).join(', ');
      errors.add(`${path}${memberPath(name)}`, `unknown field; remove it, or use one of ${known}`);
    }
  }
}

/** Continues a path; a name that somebody else chose stays short and on one line. */
function memberPath(name: string): string {
  const short = name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `.${short}` : `[${JSON.stringify(short)}]`;
}
