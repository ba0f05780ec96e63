import { expect, it } from 'vitest';
import { createKeyStore, type WantedKeySource } from '../../operator/keys/key-store.ts';
import type { DocumentOutcome } from '../../operator/keys/outbound.ts';
import { createMetrics, type Metrics } from '../../operator/telemetry/metrics.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';
import { scrape } from '../fixtures/scrape.ts';
import { createSigner } from '../fixtures/token-forge.ts';

const { publicJwk } = await createSigner('ES256', { kid: 'a' });
const jwks = JSON.stringify({ keys: [publicJwk] });
const good: DocumentOutcome = { ok: true, body: Buffer.from(jwks) };
const empty: DocumentOutcome = { ok: true, body: Buffer.from('{"keys":[]}') };
const timeout: DocumentOutcome = { ok: false, failure: 'Timeout', answered: false };

function uri(id: string): WantedKeySource {
  return { owner: 'ns', config: { kind: 'uri', id, uri: `https://${id}.example.com/jwks`, outbound: [] } };
}

/** What is not 0, by its label. */
async function countsOf(metrics: Metrics, name: string): Promise<Readonly<Record<string, number>>> {
  const { series } = await scrape(metrics);
  const counted = series.filter((one) => one.name === name && one.value > 0);
  return Object.fromEntries(counted.map(({ labels, value }) => [Object.values(labels).join(), value]));
}

it('key sources are counted by what is held of them, and attempts by how they ended', async () => {
  const clock = createFakeClock();
  const metrics = createMetrics('1');
  const answers: Record<string, DocumentOutcome | undefined> = { good, empty, timeout };
  const store = createKeyStore({
    ...{ clock, random: () => 0.5, refreshSeconds: 3600, onChange: () => undefined, metrics: metrics.keys },
    fetchDocument: ({ url }) => {
      const answer = answers[new URL(url).hostname.split('.')[0] ?? ''];
      return answer === undefined ? new Promise(() => undefined) : Promise.resolve(answer);
    },
  });
  const fixed = { owner: 'ns', config: { kind: 'static', id: 'static', jwks } } as const;
  const sources = () => countsOf(metrics, 'mcp_auth_key_sources');
  expect(await sources()).toEqual({});
  store.retain([uri('good'), uri('empty'), uri('timeout'), uri('silent'), fixed]);
  expect(await sources()).toEqual({ held: 1, pending: 4 });
  await settle();
  expect(await sources()).toEqual({ held: 2, failed: 2, pending: 1 });
  expect(await countsOf(metrics, 'mcp_auth_key_fetches_total')).toEqual({
    loaded: 1,
    NoUsableKeys: 1,
    Timeout: 1,
  });

  answers.good = timeout;
  store.retain([uri('good')]);
  clock.advance(3600_000);
  await settle();
  expect(await sources()).toEqual({ held: 1 });
  expect(await countsOf(metrics, 'mcp_auth_key_fetches_total')).toEqual({
    loaded: 1,
    NoUsableKeys: 1,
    Timeout: 2,
  });
  clock.advance(24 * 3600_000);
  expect(await sources()).toEqual({ stale: 1 });

  store.close();
  expect(await sources()).toEqual({});
});
