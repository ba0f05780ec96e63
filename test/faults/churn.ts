import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { McpAuthPolicy } from '../../operator/api/mcp-auth-policy.gen.ts';
import { isReady } from '../e2e/scenario.ts';
import type { Installation } from './installation.ts';
import { timeUntil } from './load.ts';
import type { SeededRandom } from './seeded-random.ts';
import { audience, tenant } from './tenants.ts';

/** Policies of the tenant that are created, changed and deleted all the time. */
export interface Churn {
  /** `namespace/name` of one of them, whether it exists or not. */
  policy(): string;
  /** How many changes the API server has accepted. */
  count(): number;
  /** Begins nothing more, and waits for the change that is under way. */
  stop(): Promise<void>;
  /** Waits until every replica in rotation does as the last changes say, and the statuses, too. */
  untilInEffect(limitMs: number): Promise<void>;
}

const names = Array.from({ length: 10 }, (_, index) => `churn-${index}`);

export function startChurn(installation: Installation, random: SeededRandom): Churn {
  const { apply, kubectl, specOf, tenants, untilAnswer } = installation;
  /** What each asks for now; undefined when it was deleted. */
  const current = new Map<string, string | undefined>();
  const outdated: [name: string, audience: string][] = [];
  const stopping = new AbortController();
  let count = 0;

  async function change(name: string): Promise<void> {
    const before = current.get(name);
    const next = before !== undefined && random.between(0, 3) < 1 ? undefined : `${audience}/churn/${count}`;
    if (next === undefined) await kubectl('-n', tenant, 'delete', 'mcpap', name);
    else await apply(name, { ...specOf(tenant), audience: next });
    if (before !== undefined) outdated.push([name, before]);
    current.set(name, next);
    count += 1;
  }

  async function changeOnAndOn(): Promise<void> {
    while (!stopping.signal.aborted) {
      await change(random.pick(names));
      await delay(random.between(0, 500));
    }
  }

  async function untilInStatus(limitMs: number): Promise<void> {
    const expected = [...current].flatMap(([name, asked]) => (asked === undefined ? [] : [name])).sort();
    await timeUntil('all policies are ready', limitMs, async () => {
      const text = await kubectl('-n', tenant, 'get', 'mcpap', '-o', 'json');
      const { items } = JSON.parse(text) as { readonly items: readonly McpAuthPolicy[] };
      const ready = items.filter(({ metadata: { generation = 0 }, status }) => {
        return status?.observedGeneration === generation && isReady({ generation, status });
      });
      const found = ready.map(({ metadata }) => metadata.name ?? '').filter((name) => names.includes(name));
      expect(found.sort()).toEqual(expected);
      return true;
    });
  }

  const running = changeOnAndOn();
  // Told by `stop`; until then it must not end the process.
  running.catch(() => undefined);
  return {
    policy: () => `${tenant}/${random.pick(names)}`,
    count: () => count,
    async stop() {
      stopping.abort();
      await running;
    },
    async untilInEffect(limitMs) {
      for (const [name, asked] of current) {
        const token = (): string => tenants.tokenFor(asked ?? audience);
        await untilAnswer(`${tenant}/${name}`, token, asked === undefined ? '404' : '200', limitMs);
      }
      for (const [name, before] of outdated) {
        const answer = current.get(name) === undefined ? '404' : '401';
        await untilAnswer(`${tenant}/${name}`, () => tenants.tokenFor(before), answer, limitMs);
      }
      await untilInStatus(limitMs);
    },
  };
}
