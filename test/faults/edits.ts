import type { Installation } from './installation.ts';
import { audience, tenant } from './tenants.ts';

/** Gives a policy of the tenant an audience of its own. */
export async function edit({ apply, specOf }: Installation, name: string, change: string): Promise<void> {
  await apply(name, { ...specOf(tenant), audience: `${audience}/${change}` });
}

/** Milliseconds until such an edit is in force at the replicas in rotation. */
export function untilEdited(
  { untilAnswer, tenants }: Installation,
  name: string,
  change: string,
  limitMs: number,
): Promise<number> {
  return untilAnswer(`${tenant}/${name}`, () => tenants.tokenFor(`${audience}/${change}`), '200', limitMs);
}
