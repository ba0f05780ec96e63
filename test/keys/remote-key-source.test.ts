import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDocumentFetcher, type FetchDocument } from '../../operator/keys/outbound.ts';
import { settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { createSigner } from '../fixtures/token-forge.ts';
import { first, kidsOf, REFRESH_SECONDS, type Scene, second, setOf, startScene } from './key-source-scene.ts';
import { resolveTo } from './loopback.ts';

const HOUR = 3600 * 1000;

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('the first attempt', () => {
  it('is under way at once, and those who ask join it', async () => {
    const source = scene.start();
    expect(source.current()).toBeUndefined();
    expect(source.state()).toEqual({ tried: false });
    expect(source.retryAfterSeconds()).toBe(1);
    const outcomes = await Promise.all([source.refresh(), source.refresh()]);
    expect(outcomes).toEqual([{ kind: 'refreshed' }, { kind: 'refreshed' }]);
    expect(scene.keyFetches()).toBe(1);
    expect(source.current()).toMatchObject({
      fetchedAtMs: scene.clock.nowMs(),
      jwksURI: scene.issuer.jwksURI,
    });
    expect(source.state()).toEqual({ tried: true, keySet: source.current() });
    expect(scene.changes()).toBe(1);
  });

  it('looks for the metadata where the standards say', async () => {
    await scene.startLoaded();
    expect(scene.issuer.requests.map(({ path }) => path)).toEqual([
      '/.well-known/oauth-authorization-server/realms/a',
      '/.well-known/openid-configuration/realms/a',
      '/realms/a/.well-known/openid-configuration',
      '/realms/a/jwks',
    ]);
  });

  it('looks only where the policy says', async () => {
    scene.issuer.respond('/inside', { body: scene.issuer.metadata });
    const discoveryURL = new URL('/inside', scene.issuer.issuer).href;
    await scene.start({}, { kind: 'discovery', issuer: scene.issuer.issuer, discoveryURL }).refresh();
    await scene.start({}, { kind: 'uri', uri: scene.issuer.jwksURI }).refresh();
    expect(scene.issuer.requests.map(({ path }) => path)).toEqual([
      '/inside',
      '/realms/a/jwks',
      '/realms/a/jwks',
    ]);
  });

  it('that fails is followed by others until there are keys', async () => {
    await scene.issuer.stop();
    const source = scene.start();
    expect(await source.refresh()).toEqual({ kind: 'failed', retryAfterSeconds: 1 });
    expect(source.state()).toEqual({ tried: true, failure: 'HTTPError' });
    await scene.nextAttempt(source);
    await scene.nextAttempt(source);
    expect(source.retryAfterSeconds()).toBe(3);
    expect(scene.changes()).toBe(1);
    await scene.issuer.start();
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['first']);
    expect(source.state().failure).toBeUndefined();
    expect(scene.changes()).toBe(2);
  });

  it('waits for its turn, and gives it back', async () => {
    let begin = (): void => undefined;
    const endTurn = vi.fn();
    const turn = new Promise<() => void>((resolve) => {
      begin = () => resolve(endTurn);
    });
    const source = scene.start({ takeTurn: () => turn });
    await settle();
    expect(scene.issuer.requests).toEqual([]);
    begin();
    await source.refresh();
    expect(endTurn).toHaveBeenCalledOnce();
    expect(kidsOf(source)).toEqual(['first']);
  });

  it.each([
    [
      'IssuerMismatch',
      (): object => ({ body: { ...scene.issuer.metadata, issuer: 'https://other.example' } }),
    ],
    ['InvalidDocument', (): object => ({ body: '<html>', headers: { 'content-type': 'text/html' } })],
    [
      'InvalidDocument',
      (): object => ({ body: { ...scene.issuer.metadata, jwks_uri: 'http://localhost/jwks' } }),
    ],
    [
      'AddressNotAllowed',
      (): object => ({ body: { ...scene.issuer.metadata, jwks_uri: 'https://169.254.169.254/' } }),
    ],
    ['TooLarge', (): object => ({ body: Buffer.alloc(64 * 1024 + 1, ' ') })],
    ['HTTPError', (): object => ({ status: 503 })],
  ])('says %s when the metadata is so', async (failure, script) => {
    scene.issuer.respond(scene.issuer.discoveryPath, script());
    expect((await scene.startLoaded()).state()).toEqual({ tried: true, failure });
    expect(scene.keyFetches()).toBe(0);
  });

  it.each<[string, object]>([
    ['InvalidDocument', { body: [] }],
    ['InvalidDocument', { body: '{"keys":[]' }],
    ['InvalidDocument', { body: '{"keys":[],"keys":[]}' }],
    ['TooLarge', { body: { keys: Array.from({ length: 101 }, () => null) } }],
    ['TooLarge', { body: Buffer.alloc(256 * 1024 + 1, ' ') }],
    ['NoUsableKeys', { body: { keys: [] } }],
    ['NoUsableKeys', { body: { keys: [null, { kty: 'oct', k: 'AAAA' }] } }],
    ['HTTPError', { status: 404 }],
  ])('says %s when the key set is so', async (failure, script) => {
    scene.issuer.respond(scene.issuer.jwksPath, script);
    expect((await scene.startLoaded()).state()).toEqual({ tried: true, failure });
  });
});

describe('background refresh', () => {
  it('comes after the refresh time and changes nothing that has not changed', async () => {
    const source = await scene.startLoaded();
    expect(scene.clock.pending()).toEqual([REFRESH_SECONDS * 1000]);
    scene.clock.advance(REFRESH_SECONDS * 1000 - 1);
    await settle();
    expect(scene.keyFetches()).toBe(1);
    await scene.nextAttempt(source);
    expect(scene.keyFetches()).toBe(2);
    expect(source.current()?.fetchedAtMs).toBe(scene.clock.nowMs());
    expect(scene.changes()).toBe(1);
  });

  it('comes soon when the refresh time becomes short, and then again and again', async () => {
    const source = await scene.startLoaded({ refreshSeconds: 24 * 3600 });
    expect(scene.clock.pending()).toEqual([24 * HOUR]);
    source.setRefreshSeconds(30);
    expect(scene.clock.pending()).toEqual([30_000]);
    await scene.nextAttempt(source);
    expect(scene.keyFetches()).toBe(2);
    expect(scene.clock.pending()).toEqual([30_000]);
  });

  it('comes after the next attempt only when the refresh time becomes long', async () => {
    const source = await scene.startLoaded();
    source.setRefreshSeconds(24 * 3600);
    expect(scene.clock.pending()).toEqual([REFRESH_SECONDS * 1000]);
    await scene.nextAttempt(source);
    expect(scene.clock.pending()).toEqual([24 * HOUR]);
  });

  it('takes a refresh time that changes during an attempt', async () => {
    const source = scene.start();
    const attempt = source.refresh();
    const pending = scene.clock.pending();
    source.setRefreshSeconds(24 * 3600);
    expect(scene.clock.pending()).toEqual(pending);
    await attempt;
    expect(scene.clock.pending()).toEqual([24 * HOUR]);
  });

  it('kills a key that is gone, and brings the new one', async () => {
    scene.issuer.setKeys(setOf(first, second));
    const source = await scene.startLoaded();
    expect(kidsOf(source)).toEqual(['first', 'second']);
    scene.issuer.setKeys(setOf(second));
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['second']);
    expect(scene.changes()).toBe(2);
  });

  it('brings another key under the same kid', async () => {
    const source = await scene.startLoaded();
    const before = source.current();
    scene.issuer.setKeys(setOf(await createSigner('ES256', { kid: 'first' })));
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['first']);
    expect(source.current()?.digest).not.toBe(before?.digest);
    expect(source.current()?.keys[0]?.key.equals(before?.keys[0]?.key ?? first.publicKey)).toBe(false);
  });

  it('follows the keys to another place', async () => {
    const source = await scene.startLoaded();
    scene.issuer.respond('/moved', { body: setOf(second) });
    const moved = new URL('/moved', scene.issuer.issuer).href;
    scene.issuer.respond(scene.issuer.discoveryPath, { body: { ...scene.issuer.metadata, jwks_uri: moved } });
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['second']);
    expect(source.current()?.jwksURI).toBe(moved);
  });

  it('never believes metadata that has changed its issuer', async () => {
    const source = await scene.startLoaded();
    scene.issuer.respond(scene.issuer.discoveryPath, {
      body: { ...scene.issuer.metadata, issuer: `${scene.issuer.issuer}/` },
    });
    scene.issuer.setKeys(setOf(second));
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['first']);
    expect(source.state().failure).toBe('IssuerMismatch');
  });

  it('keeps the keys while the issuer is away, up to 24 hours on the monotonic clock', async () => {
    const source = await scene.startLoaded();
    await scene.issuer.stop();
    await scene.nextAttempt(source);
    expect(source.state()).toMatchObject({
      failure: 'HTTPError',
      keySet: { digest: source.current()?.digest },
    });
    scene.clock.setWallClock(scene.clock.nowMs() + 48 * HOUR);
    expect(kidsOf(source)).toEqual(['first']);
    scene.clock.setWallClock(0);
    scene.clock.advance(24 * HOUR);
    expect(source.current()).toBeUndefined();
    await until(() => scene.changes() === 3);
    expect(source.state()).toEqual({ tried: true, failure: 'KeysStale' });
    await scene.issuer.start();
    await source.refresh();
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['first']);
    expect(source.state().failure).toBeUndefined();
  });

  it('survives a loader that throws, and says so once in the log', async () => {
    const log = recordLog();
    let isBroken = true;
    const real = createDocumentFetcher({ clock: scene.clock, resolve: resolveTo(['127.0.0.1']) });
    const fetchDocument: FetchDocument = (request) =>
      isBroken ? Promise.reject(new TypeError('bug')) : real(request);
    const source = await scene.startLoaded({ fetchDocument, log });
    expect(source.state()).toEqual({ tried: true, failure: 'InvalidDocument' });
    expect(log.lines).toMatchObject([
      { level: 'error', fields: { keySource: 'a', error: 'TypeError: bug' } },
    ]);
    isBroken = false;
    await scene.nextAttempt(source);
    expect(kidsOf(source)).toEqual(['first']);
  });
});
