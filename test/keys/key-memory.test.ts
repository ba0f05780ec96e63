import { describe, expect, it } from 'vitest';
import {
  afterDemand,
  afterFailure,
  afterFetch,
  afterRefreshChange,
  coolDownSeconds,
  isSameState,
  type KeyMemory,
  noMemory,
  secondsUntilNext,
  stateOf,
  usableKeys,
} from '../../operator/keys/key-memory.ts';
import type { KeySet, VerificationKey } from '../../operator/keys/key-source.ts';

const HOUR = 3600 * 1000;
const at = (nowMs: number, random = 0): { nowMs: number; random: number; refreshMs: number } => ({
  nowMs,
  random,
  refreshMs: 300_000,
});

function keySet(digest: string, keys = 1): KeySet {
  return { digest, fetchedAtMs: 0, keys: Array.from({ length: keys }, () => ({}) as VerificationKey) };
}

function fetched(memory: KeyMemory, set: KeySet, nowMs: number): KeyMemory {
  return afterFetch(memory, { keySet: set, startedMs: nowMs }, at(nowMs));
}

const held = fetched(noMemory, keySet('a'), 0);

describe('key memory', () => {
  it('holds nothing and has tried nothing at first', () => {
    expect(stateOf(noMemory, 0)).toEqual({ tried: false });
    expect(secondsUntilNext(noMemory, 0)).toBe(1);
    expect(coolDownSeconds(noMemory, 0)).toBe(0);
  });

  it('comes back after the refresh time, a tenth more or less', () => {
    const next = (random: number): number =>
      afterFetch(noMemory, { keySet: keySet('a'), startedMs: 0 }, at(1_000, random)).nextAttemptMs;
    expect([0, 0.5, 0.999_999].map(next).map(Math.round)).toEqual([271_000, 301_000, 331_000]);
  });

  it('comes back sooner with a shorter refresh time, and as planned with a longer one', () => {
    const change = (refreshMs: number, random = 0.5): number =>
      afterRefreshChange(held, { nowMs: 100_000, random, refreshMs }).nextAttemptMs;
    expect(held.nextAttemptMs).toBe(270_000);
    expect([0, 0.5, 0.999_999].map((random) => change(30_000, random)).map(Math.round)).toEqual([
      127_000, 130_000, 133_000,
    ]);
    expect(change(86_400_000)).toBe(270_000);
  });

  it('comes back after a failure when it would have come, whatever the refresh time becomes', () => {
    const failed = afterFailure(held, 'HTTPError', at(0));
    expect(afterRefreshChange(failed, { nowMs: 0, random: 0, refreshMs: 1 })).toBe(failed);
  });

  it('comes back after 1 s, 2 s, … 60 s of failures, less a random part of up to half', () => {
    const delays = (random: number): number[] => {
      let memory = held;
      return Array.from({ length: 9 }, () => {
        memory = afterFailure(memory, 'HTTPError', { nowMs: 0, random });
        return memory.nextAttemptMs / 1000;
      });
    };
    expect(delays(0)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(delays(0.5)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 0.75));
    let memory = held;
    for (let count = 0; count < 5000; count += 1) memory = afterFailure(memory, 'Timeout', at(0));
    expect(memory.nextAttemptMs).toBe(60_000);
    expect(fetched(memory, keySet('a'), 0).failures).toBe(0);
  });

  it('keeps the keys through failures, and says both', () => {
    const memory = afterFailure(held, 'TLSFailure', at(1_000));
    expect(stateOf(memory, 1_000)).toEqual({ tried: true, keySet: keySet('a'), failure: 'TLSFailure' });
    expect(stateOf(afterFailure(noMemory, 'Timeout', at(0)), 0)).toEqual({ tried: true, failure: 'Timeout' });
  });

  it('uses keys for 24 hours after the fetch began, and then says KeysStale until others come', () => {
    const memory = afterFailure(held, 'HTTPError', at(23 * HOUR));
    expect(usableKeys(memory, 24 * HOUR)).toEqual(keySet('a'));
    expect(usableKeys(memory, 24 * HOUR + 1)).toBeUndefined();
    expect(stateOf(memory, 24 * HOUR + 1)).toEqual({ tried: true, failure: 'KeysStale' });
    const later = afterFailure(memory, 'DNSFailure', at(25 * HOUR));
    expect(stateOf(later, 25 * HOUR)).toEqual({ tried: true, failure: 'KeysStale' });
    expect(stateOf(fetched(later, keySet('b'), 26 * HOUR), 26 * HOUR)).toEqual({
      tried: true,
      keySet: keySet('b'),
    });
  });

  it('replaces the keys whole', () => {
    expect(usableKeys(fetched(held, keySet('b'), 1_000), 1_000)).toEqual(keySet('b'));
  });

  it('believes an empty key set the third time in a row', () => {
    const empty = keySet('', 0);
    const first = fetched(held, empty, 1_000);
    expect(stateOf(first, 1_000)).toEqual({ tried: true, keySet: keySet('a'), failure: 'NoUsableKeys' });
    const second = fetched(afterFailure(first, 'Timeout', at(1_500)), empty, 2_000);
    expect(stateOf(second, 2_000)).toEqual({ tried: true, keySet: keySet('a'), failure: 'NoUsableKeys' });
    expect(stateOf(fetched(second, empty, 3_000), 3_000)).toEqual({ tried: true, failure: 'NoUsableKeys' });
    const again = fetched(fetched(second, keySet('b'), 3_000), empty, 4_000);
    expect(usableKeys(again, 4_000)).toEqual(keySet('b'));
  });

  it('has nothing to keep when the first key set is empty', () => {
    expect(stateOf(fetched(noMemory, keySet('', 0), 0), 0)).toEqual({ tried: true, failure: 'NoUsableKeys' });
  });

  it('cools down for 30 s after a demand, whatever came of it', () => {
    const demanded = afterDemand(held, 1_000);
    for (const memory of [
      demanded,
      afterFailure(demanded, 'HTTPError', at(2_000)),
      fetched(demanded, keySet('b'), 2_000),
    ]) {
      expect(coolDownSeconds(memory, 1_000)).toBe(30);
      expect(coolDownSeconds(memory, 30_999)).toBe(1);
      expect(coolDownSeconds(memory, 31_000)).toBe(0);
    }
  });

  it('tells states apart as far as a status can', () => {
    const state = { tried: true, keySet: { ...keySet('a'), jwksURI: 'https://a' } };
    expect(
      isSameState(state, {
        tried: true,
        keySet: { ...keySet('a', 3), fetchedAtMs: 9, jwksURI: 'https://a' },
      }),
    ).toBe(true);
    expect(isSameState(state, { tried: false, keySet: state.keySet })).toBe(false);
    expect(isSameState(state, { ...state, failure: 'Timeout' })).toBe(false);
    expect(isSameState(state, { tried: true })).toBe(false);
    expect(isSameState(state, { tried: true, keySet: keySet('a') })).toBe(false);
    expect(isSameState(state, { tried: true, keySet: { ...state.keySet, digest: 'b' } })).toBe(false);
  });
});
