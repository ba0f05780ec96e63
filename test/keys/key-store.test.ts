import { describe, expect, it } from 'vitest';
import { createKeyStore, type KeyStore, type WantedKeySource } from '../../operator/keys/key-store.ts';
import type { DocumentOutcome, DocumentRequest, FetchDocument } from '../../operator/keys/outbound.ts';
import { createStaticKeySource } from '../../operator/keys/static-key-source.ts';
import { createTurns } from '../../operator/time/turns.ts';
import { createFakeClock, type FakeClock, settle } from '../fixtures/fake-clock.ts';
import { createSigner } from '../fixtures/token-forge.ts';

const { publicJwk } = await createSigner('ES256', { kid: 'a' });
const jwks = JSON.stringify({ keys: [publicJwk] });

function uri(id: string): WantedKeySource {
  return { owner: 'ns', config: { kind: 'uri', id, uri: `https://${id}.example.com/jwks`, outbound: [] } };
}

/** Answers each request when it is told to. */
interface HeldFetches {
  readonly fetchDocument: FetchDocument;
  readonly requests: DocumentRequest[];
  /** Answers those that wait, with these bytes or a failure. */
  answer(outcome?: DocumentOutcome): Promise<void>;
}

function holdFetches(): HeldFetches {
  const requests: DocumentRequest[] = [];
  let waiting: ((outcome: DocumentOutcome) => void)[] = [];
  return {
    requests,
    fetchDocument: (request) => {
      requests.push(request);
      return new Promise((resolve) => waiting.push(resolve));
    },
    async answer(outcome = { ok: true, body: Buffer.from(jwks) }) {
      const now = waiting;
      waiting = [];
      for (const resolve of now) resolve(outcome);
      await settle();
    },
  };
}

function createStore(): { store: KeyStore; clock: FakeClock; fetches: HeldFetches; changes: () => number } {
  const clock = createFakeClock();
  const fetches = holdFetches();
  let changes = 0;
  const store = createKeyStore({
    clock,
    random: () => 0.5,
    refreshSeconds: 300,
    fetchDocument: fetches.fetchDocument,
    onChange: () => {
      changes += 1;
    },
  });
  return { store, clock, fetches, changes: () => changes };
}

describe('the key store', () => {
  it('starts what is new, once for each id, and finds it', async () => {
    const { store, fetches, changes } = createStore();
    store.retain([uri('a'), uri('b'), uri('a')]);
    expect(store.find('a')?.state()).toEqual({ tried: false });
    await settle();
    expect(fetches.requests.map(({ url }) => url)).toEqual([
      'https://a.example.com/jwks',
      'https://b.example.com/jwks',
    ]);
    await fetches.answer();
    expect(store.find('a')?.current()?.keys).toHaveLength(1);
    expect(changes()).toBe(2);
    expect(store.find('c')).toBeUndefined();
    expect(store.find('__proto__')).toBeUndefined();
  });

  it('leaves what stays alone and closes what goes', async () => {
    const { store, clock, fetches } = createStore();
    store.retain([uri('a'), uri('b')]);
    await settle();
    await fetches.answer();
    const [a, b] = [store.find('a'), store.find('b')];
    store.retain([uri('b'), uri('c')]);
    await settle();
    expect(store.find('a')).toBeUndefined();
    expect(a?.current()).toBeUndefined();
    expect(store.find('b')).toBe(b);
    expect(b?.current()?.keys).toHaveLength(1);
    expect(fetches.requests).toHaveLength(3);
    clock.advance(300_000);
    await settle();
    expect(fetches.requests.slice(3).map(({ url }) => url)).toEqual(['https://b.example.com/jwks']);
  });

  it('does not bring keys back from before: what was gone starts anew', async () => {
    const { store, fetches } = createStore();
    store.retain([uri('a')]);
    await settle();
    await fetches.answer();
    store.retain([]);
    store.retain([uri('a')]);
    expect(store.find('a')?.current()).toBeUndefined();
  });

  it('refreshes at the interval that was set last: what is held and what comes later', async () => {
    const { store, clock, fetches } = createStore();
    store.retain([uri('a'), { owner: 'ns', config: { kind: 'static', id: 's', jwks } }]);
    await settle();
    await fetches.answer();
    store.setRefreshSeconds(30);
    expect(clock.pending()).toEqual([30_000]);
    store.retain([uri('b')]);
    await settle();
    await fetches.answer();
    expect(clock.pending()).toEqual([30_000]);
  });

  it('hands every trust input to the fetch', async () => {
    const { store, fetches } = createStore();
    const outbound = [{ hosts: ['idp.internal'], cidrs: ['10.0.0.0/8'], ports: [443] }];
    store.retain([
      {
        owner: 'ns',
        config: { kind: 'uri', id: 'a', uri: 'https://idp.internal/jwks', caPem: 'PEM', outbound },
      },
    ]);
    await settle();
    expect(fetches.requests).toMatchObject([
      { url: 'https://idp.internal/jwks', caPem: 'PEM', outbound, maxBytes: 256 * 1024 },
    ]);
  });

  it('makes 16 first attempts at a time', async () => {
    const { store, fetches } = createStore();
    store.retain(Array.from({ length: 40 }, (_, index) => uri(`i${index}`)));
    await settle();
    expect(fetches.requests).toHaveLength(16);
    await fetches.answer({ ok: false, failure: 'HTTPError', answered: true });
    expect(fetches.requests).toHaveLength(32);
    await fetches.answer();
    expect(fetches.requests).toHaveLength(40);
  });

  it('does not let slow issuers keep the others waiting for more than 5 s', async () => {
    const { store, clock, fetches } = createStore();
    store.retain(Array.from({ length: 20 }, (_, index) => uri(`i${index}`)));
    await settle();
    clock.advance(4_999);
    await settle();
    expect(fetches.requests).toHaveLength(16);
    clock.advance(1);
    await settle();
    expect(fetches.requests).toHaveLength(20);
  });

  it('lets no source fetch that was closed, also while it waited', async () => {
    const { store, clock, fetches } = createStore();
    store.retain(Array.from({ length: 20 }, (_, index) => uri(`i${index}`)));
    await settle();
    store.retain([]);
    clock.advance(5_000);
    await settle();
    expect(fetches.requests.slice(0, 16).every(({ signal }) => signal?.aborted)).toBe(true);
    expect(fetches.requests.slice(16).every(({ signal }) => signal?.aborted)).toBe(true);
  });

  it('close ends everything', async () => {
    const { store, clock, fetches } = createStore();
    store.retain([uri('a')]);
    await settle();
    await fetches.answer();
    store.close();
    expect(store.find('a')).toBeUndefined();
    expect(clock.pending()).toEqual([]);
  });
});

describe('turns', () => {
  it('are counted right when they end twice, late, or both', async () => {
    const clock = createFakeClock();
    const takeTurn = createTurns(1, 5_000, clock);
    const order: string[] = [];
    const first = await takeTurn('ns');
    const waiting = ['b', 'c', 'd'].map((name) =>
      takeTurn('ns').then((end) => [order.push(name), end] as const),
    );
    first();
    first();
    await settle();
    expect(order).toEqual(['b']);
    clock.advance(5_000);
    await settle();
    expect(order).toEqual(['b', 'c']);
    (await waiting[0])?.[1]();
    await settle();
    expect(order).toEqual(['b', 'c']);
    (await waiting[1])?.[1]();
    await settle();
    expect(order).toEqual(['b', 'c', 'd']);
  });
});

describe('turns of several owners', () => {
  it('rotate: many of one do not hold up another', async () => {
    const takeTurn = createTurns(1, 5_000, createFakeClock());
    const order: string[] = [];
    const wait = (owner: string, name: string) =>
      takeTurn(owner).then((end) => {
        order.push(name);
        end();
      });
    const first = await takeTurn('evil');
    const all = [wait('evil', 'e1'), wait('evil', 'e2'), wait('evil', 'e3'), wait('good', 'g1')];
    first();
    await Promise.all(all);
    expect(order).toEqual(['e1', 'g1', 'e2', 'e3']);
  });
});

describe('turns that are not waited for any more', () => {
  it('go to the next, of the same owner or another', async () => {
    const takeTurn = createTurns(1, 5_000, createFakeClock());
    const order: string[] = [];
    const closing = new AbortController();
    const wait = (owner: string, name: string, signal?: AbortSignal) =>
      takeTurn(owner, signal).then(
        (end) => {
          order.push(name);
          end();
        },
        () => order.push(`${name} left`),
      );
    const first = await takeTurn('a');
    const all = [wait('a', 'a1', closing.signal), wait('b', 'b1', closing.signal), wait('b', 'b2')];
    closing.abort();
    await settle();
    expect(order).toEqual(['a1 left', 'b1 left']);
    first();
    await Promise.all(all);
    expect(order).toEqual(['a1 left', 'b1 left', 'b2']);
    (await takeTurn('c'))();
  });
});

describe('a static key source', () => {
  it('holds the keys of the policy for ever', async () => {
    const source = createStaticKeySource({ kind: 'static', id: 's', jwks });
    expect(source.current()).toMatchObject({ fetchedAtMs: Number.POSITIVE_INFINITY, keys: [{ kid: 'a' }] });
    expect(source.state()).toEqual({ tried: true, keySet: source.current() });
    expect(await source.refresh()).toEqual({ kind: 'refreshed' });
  });

  it.each([
    ['NoUsableKeys', '{"keys":[]}'],
    ['InvalidDocument', '{"keys":[],"keys":[]}'],
    ['TooLarge', JSON.stringify({ keys: Array.from({ length: 101 }, () => null) })],
  ])('says %s', (failure, text) => {
    const source = createStaticKeySource({ kind: 'static', id: 's', jwks: text });
    expect(source.current()).toBeUndefined();
    expect(source.state()).toEqual({ tried: true, failure });
    expect(source.retryAfterSeconds()).toBeGreaterThanOrEqual(1);
  });
});
