import type { ToolRule } from '../../policy/snapshot.ts';
import { hasAllScopes } from '../../verify/claims.ts';
import type { Admission } from '../backend.ts';

/** In the names of a rule: every tool that no rule names. Without it, what a new version of a server brings is open. */
const everyOther = '*';

/** The scopes that a call of these tools needs: those of every rule that is about one of them, in the order of the spec. */
export function scopesOfTools(rules: readonly ToolRule[], tools: ReadonlySet<string>): readonly string[] {
  const needed = new Set([...tools].flatMap((tool) => rulesAbout(tool, rules)));
  return [...new Set(rules.filter((rule) => needed.has(rule)).flatMap(({ scopes }) => scopes))];
}

/** Whether a caller can call a tool, and so may see it. */
export function mayUseTool({ policy, principal }: Admission, tool: string): boolean {
  return rulesAbout(tool, policy.tools).every(({ scopes }) => hasAllScopes(principal.scopes, scopes));
}

function rulesAbout(tool: string, rules: readonly ToolRule[]): readonly ToolRule[] {
  const naming = rules.filter(({ names }) => names.includes(tool));
  return naming.length > 0 ? naming : rules.filter(({ names }) => names.includes(everyOther));
}
