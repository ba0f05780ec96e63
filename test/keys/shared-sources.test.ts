import { expect, test } from 'vitest';
import { createKeyStore, type KeyStore, type WantedKeySource } from '../../operator/keys/key-store.ts';
import type { DocumentOutcome } from '../../operator/keys/outbound.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';
import { createSigner } from '../fixtures/token-forge.ts';

const { publicJwk } = await createSigner('ES256', { kid: 'a' });
const good: DocumentOutcome = { ok: true, body: Buffer.from(JSON.stringify({ keys: [publicJwk] })) };
const refreshSeconds = 300;
/** A turn that nobody gives back is over after this. */
const turnSeconds = 5;

interface Scene {
  readonly store: KeyStore;
  /** When a source was fetched, in seconds from the start. */
  timesOf(id: string): readonly number[];
  fetchCount(): number;
  pass(seconds: number, eachStep?: (step: number) => void): Promise<void>;
}

/** Sources named `dead-…` never answer, the others at once. */
function startScene(): Scene {
  const clock = createFakeClock();
  const startMs = clock.monotonicMs();
  const fetches: { readonly id: string; readonly seconds: number }[] = [];
  const store = createKeyStore({
    ...{ clock, random: () => 0.5, refreshSeconds, onChange: () => undefined },
    fetchDocument: ({ url, signal }) => {
      const id = new URL(url).hostname.split('.')[0] ?? '';
      fetches.push({ id, seconds: (clock.monotonicMs() - startMs) / 1000 });
      if (!id.startsWith('dead-')) return Promise.resolve(good);
      return new Promise((resolve) => {
        signal?.addEventListener('abort', () => resolve({ ok: false, failure: 'Timeout', answered: false }));
      });
    },
  });
  return {
    store,
    timesOf: (id) => fetches.filter((fetch) => fetch.id === id).map(({ seconds }) => seconds),
    fetchCount: () => fetches.length,
    async pass(seconds, eachStep = () => undefined) {
      for (let step = 0; step < seconds * 5; step += 1) {
        eachStep(step);
        if (step === 0) await settle(4);
        clock.advance(200);
        await settle(4);
      }
    },
  };
}

function uri(owner: string, id: string): WantedKeySource {
  return { owner, config: { kind: 'uri', id, uri: `https://${id}.example.com/jwks`, outbound: [] } };
}

function dead(count: number): readonly WantedKeySource[] {
  return Array.from({ length: count }, (_, index) => uri('team-a', `dead-${index}`));
}

// Policies are sorted by namespace: team-a names it first.
const shared = [uri('team-a', 'shared'), uri('team-b', 'shared')];

test('one tenant changes its key URLs 50 times a second: what it shares is refreshed in time', async () => {
  const { store, timesOf, fetchCount, pass } = startScene();
  await pass(refreshSeconds + 10, (step) => {
    store.retain([
      ...shared,
      ...Array.from({ length: 10 }, (_, index) => uri('team-a', `x${step}-${index}`)),
    ]);
  });
  const [first, second = Number.POSITIVE_INFINITY] = timesOf('shared');
  expect(first).toBe(0);
  expect(second).toBeLessThanOrEqual(refreshSeconds + 1);
  // Nothing of its pace is lost to those that it has closed.
  expect(fetchCount()).toBeGreaterThan(20 * refreshSeconds);
});

test('one tenant has a thousand dead sources: a refresh of what it shares waits for a turn of another at most', async () => {
  const { store, timesOf, pass } = startScene();
  store.retain(shared);
  await pass(refreshSeconds - 5);
  store.retain([...shared, ...dead(1_000)]);
  await pass(5);
  // For a key that nobody knows.
  const asked = store.find('shared')?.refresh();
  await pass(turnSeconds + 1);
  const [, second = Number.POSITIVE_INFINITY] = timesOf('shared');
  expect(second).toBeLessThanOrEqual(refreshSeconds + turnSeconds);
  expect(await asked).toEqual({ kind: 'refreshed' });
});

test('a tenant who joins one that waits helps it; the other who comes and goes meanwhile costs it no place', async () => {
  const { store, timesOf, pass } = startScene();
  const alone = [...dead(1_000), uri('team-a', 'shared')];
  store.retain(alone);
  await pass(30);
  expect(timesOf('shared')).toEqual([]);
  const joined = [...dead(1_000), uri('team-b', 'shared')];
  await pass(turnSeconds, (step) => store.retain(step % 2 === 0 ? joined : [...joined, ...shared]));
  expect(timesOf('shared')).toHaveLength(1);
});

test('a tenant who is left with a source pays for it, and the one who has gone does not', async () => {
  const { store, timesOf, pass } = startScene();
  store.retain(shared);
  await pass(1);
  store.retain([...dead(1_000), uri('team-b', 'shared')]);
  await pass(refreshSeconds + turnSeconds);
  expect(timesOf('shared')).toHaveLength(2);
});

test('closed sources leave the line at once, and are not fetched', async () => {
  const { store, timesOf, pass } = startScene();
  store.retain(dead(1_000));
  await pass(1);
  const last = store.find('dead-999')?.refresh();
  store.retain([uri('team-a', 'next')]);
  await pass(1);
  expect(timesOf('next')).toHaveLength(1);
  expect(timesOf('dead-999')).toEqual([]);
  expect(await last).toMatchObject({ kind: 'failed' });
});
