import { describe, expect, it } from 'vitest';
import { createObjectReader, type ObjectReader } from '../../operator/controller/object-reader.ts';
import { configMaps } from '../../operator/controller/resource.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

interface Bench {
  readonly reader: ObjectReader<unknown>;
  /** What the watch has shown. */
  readonly see: (version: string, how: 'event' | 'list') => Promise<void>;
  /** Answers the oldest open read; no version is a 404 in all but name. */
  readonly answer: (version: string | undefined) => Promise<void>;
  readonly fail: () => Promise<void>;
  readonly reads: () => number;
  readonly value: () => string | undefined;
}

const key = 'ns/cm';

async function wantOne(seenFirst: string, forgetsUnread = false): Promise<Bench> {
  let seen = seenFirst;
  let count = 0;
  const open: PromiseWithResolvers<unknown>[] = [];
  const reader = createObjectReader({
    api: {
      get() {
        count += 1;
        const read = Promise.withResolvers<unknown>();
        open.push(read);
        return read.promise;
      },
    },
    resource: configMaps,
    read: ({ data }) => (data as { readonly version: string }).version,
    seen: () => seen,
    onChange: () => undefined,
    forgetsUnread,
    ...{ clock: createFakeClock(), random: () => 0, log: recordLog() },
  });
  reader.want([{ namespace: 'ns', name: 'cm' }]);
  return {
    reader,
    see(version, how) {
      seen = version;
      if (how === 'event') {
        reader.noticeEvent(key);
      } else {
        reader.noticeList();
      }
      return settle(5);
    },
    answer(version) {
      const object = { metadata: { resourceVersion: version }, data: { version } };
      open.shift()?.resolve(version === undefined ? undefined : object);
      return settle(5);
    },
    fail() {
      open.shift()?.reject(new Error('no answer'));
      return settle(5);
    },
    reads: () => count,
    value: () => reader.data().get(key),
  };
}

describe('a read', () => {
  it('that is ahead of the watch is not repeated when the watch comes to it', async () => {
    const { answer, see, reads, value } = await wantOne('100');
    await answer('105');
    await see('105', 'event');
    expect([reads(), value()]).toEqual([1, '105']);
  });

  it.each([
    [false, '100'],
    [true, undefined],
  ])('that fails after a change: forgotten %s, so %s', async (forgetsUnread, expected) => {
    const { answer, see, fail, value } = await wantOne('100', forgetsUnread);
    await answer('100');
    await see('105', 'event');
    expect(value()).toBe('100');
    await fail();
    expect(value()).toBe(expected);
  });

  it('is repeated when something else was seen meanwhile', async () => {
    const { answer, see, reads, value } = await wantOne('100');
    await see('105', 'event');
    await answer('100');
    expect([reads(), value()]).toEqual([2, '100']);
    await answer('105');
    expect([reads(), value()]).toEqual([2, '105']);
  });

  it('is not repeated when it brought what was seen meanwhile', async () => {
    const { answer, see, reads, value } = await wantOne('unknown');
    await see('105', 'list');
    await answer('105');
    expect([reads(), value()]).toEqual([1, '105']);
  });

  it('that began before a deletion does not bring the object back', async () => {
    const { answer, see, reads, value } = await wantOne('100');
    await see('absent', 'event');
    await answer('100');
    expect([reads(), value()]).toEqual([1, undefined]);
  });

  it('counts for a deletion that is seen as an event', async () => {
    const { answer, see, reads, value } = await wantOne('100');
    await answer('100');
    await see('absent', 'event');
    expect([reads(), value()]).toEqual([1, undefined]);
  });

  it('of an object that came and went between two lists is not believed for ever', async () => {
    const { answer, see, reads, value } = await wantOne('absent');
    await answer('105');
    expect(value()).toBe('105');
    await see('absent', 'list');
    await answer(undefined);
    expect([reads(), value()]).toEqual([2, undefined]);
  });

  it('is repeated after a list only when it did not bring what the list has', async () => {
    const { answer, see, reads } = await wantOne('unknown');
    await answer('105');
    await see('105', 'list');
    expect(reads()).toBe(1);
    await see('110', 'list');
    expect(reads()).toBe(2);
  });
});

describe('what is no longer wanted', () => {
  it('is forgotten, also while it is read', async () => {
    const { reader, answer, see, reads, value } = await wantOne('100');
    const tried = reader.triedAll();
    reader.want([]);
    await tried;
    await answer('100');
    await see('101', 'event');
    expect([reads(), value()]).toEqual([1, undefined]);
  });
});
