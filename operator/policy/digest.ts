import { createHash } from 'node:crypto';

/**
 * Content hash of a JSON value: equal values give equal digests, whatever the order of their members.
 * Members that are `undefined` count as absent. Returns SHA-256 as 64 hex digits: key sources are
 * told apart by it, so it must resist a tenant who looks for collisions.
 */
export function digestOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sortMembers(value)))
    .digest('hex');
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, sortMembers(member)]));
}
