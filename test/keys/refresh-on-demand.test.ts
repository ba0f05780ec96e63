import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settle, until } from '../fixtures/fake-clock.ts';
import { kidsOf, REFRESH_SECONDS, type Scene, second, setOf, startScene } from './key-source-scene.ts';

let scene: Scene;

beforeEach(async () => {
  scene = await startScene();
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('refresh on demand', () => {
  it('makes one fetch of the key set alone for 50 who ask at once, and then cools down', async () => {
    const source = await scene.startLoaded();
    scene.issuer.setKeys(setOf(second));
    const before = scene.issuer.requests.length;
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => source.refresh()));
    expect(outcomes).toEqual(Array.from({ length: 50 }, () => ({ kind: 'refreshed' })));
    expect(scene.issuer.requests.slice(before).map(({ path }) => path)).toEqual([scene.issuer.jwksPath]);
    expect(kidsOf(source)).toEqual(['second']);
    expect(await source.refresh()).toEqual({ kind: 'cooling-down', remainingSeconds: 30 });
    scene.clock.advance(12_500);
    expect(await source.refresh()).toEqual({ kind: 'cooling-down', remainingSeconds: 18 });
    expect(scene.issuer.requests).toHaveLength(before + 1);
    scene.clock.advance(17_500);
    expect(await source.refresh()).toEqual({ kind: 'refreshed' });
    expect(scene.issuer.requests).toHaveLength(before + 2);
  });

  it('cools down after a failure as well', async () => {
    const source = await scene.startLoaded();
    scene.issuer.respond(scene.issuer.jwksPath, { status: 500 });
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => source.refresh()));
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set(['{"kind":"failed","retryAfterSeconds":1}']),
    );
    expect(scene.keyFetches()).toBe(2);
    expect(await source.refresh()).toEqual({ kind: 'cooling-down', remainingSeconds: 30 });
    expect(scene.keyFetches()).toBe(2);
    expect(kidsOf(source)).toEqual(['first']);
  });

  it('puts the next background refresh off', async () => {
    const source = await scene.startLoaded();
    scene.clock.advance(100_000);
    await source.refresh();
    expect(scene.clock.pending()).toEqual([REFRESH_SECONDS * 1000]);
  });

  it('does not wait for ever for a background refresh whose turn does not come', async () => {
    let turns = 0;
    const source = await scene.startLoaded({
      takeTurn: () => {
        turns += 1;
        return turns === 1 ? Promise.resolve(() => undefined) : new Promise(() => undefined);
      },
    });
    scene.clock.advance(REFRESH_SECONDS * 1000);
    const asked = source.refresh();
    scene.clock.advance(10_000);
    expect(await asked).toEqual({ kind: 'failed', retryAfterSeconds: 1 });
    expect(kidsOf(source)).toEqual(['first']);
  });

  it('joins a background refresh without using up the demand', async () => {
    const source = await scene.startLoaded();
    scene.clock.advance(REFRESH_SECONDS * 1000);
    expect(await source.refresh()).toEqual({ kind: 'refreshed' });
    expect(scene.keyFetches()).toBe(2);
    expect(await source.refresh()).toEqual({ kind: 'refreshed' });
    expect(scene.keyFetches()).toBe(3);
  });
});

describe('close', () => {
  it('ends a fetch under way, timers and answers', async () => {
    scene.issuer.respond(scene.issuer.jwksPath, 'hang');
    const source = scene.start();
    await until(() => scene.keyFetches() === 1);
    const asked = source.refresh();
    source.close();
    expect(await asked).toMatchObject({ kind: 'failed' });
    await settle();
    expect(scene.clock.pending()).toEqual([]);
    expect(scene.changes()).toBe(0);
    expect(await source.refresh()).toMatchObject({ kind: 'failed' });
    expect(scene.keyFetches()).toBe(1);
  });

  it('forgets the keys and never fetches again', async () => {
    const source = await scene.startLoaded();
    source.close();
    expect(source.current()).toBeUndefined();
    expect(scene.clock.pending()).toEqual([]);
    scene.clock.advance(3600 * 1000);
    await settle();
    expect(scene.keyFetches()).toBe(1);
  });
});
