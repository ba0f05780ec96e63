import type { ToolRule } from '../../policy/snapshot.ts';
import type { Admission } from '../backend.ts';

/** The scopes that a call of these tools needs: those of every rule that names one of them, in the order of the spec. */
export function scopesOfTools(rules: readonly ToolRule[], tools: ReadonlySet<string>): readonly string[] {
  const needed = rules.filter(({ names }) => names.some((name) => tools.has(name)));
  return [...new Set(needed.flatMap(({ scopes }) => scopes))];
}

/** The tools that a caller can neither call nor see. */
export function hiddenTools({ policy, principal }: Admission): ReadonlySet<string> {
  const beyond = policy.tools.filter(({ scopes }) => !hasAll(principal.scopes, scopes));
  return new Set(beyond.flatMap(({ names }) => names));
}

export function hasAll(granted: readonly string[], needed: readonly string[]): boolean {
  return needed.every((scope) => granted.includes(scope));
}
