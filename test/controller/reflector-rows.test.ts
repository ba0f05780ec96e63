import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/**
 * What goes wrong between a reflector and its API server, and the tests that hold each: words of their titles. K are the
 * faults of the API server; the others are what informers are known for.
 */
const rows: Readonly<Record<string, readonly string[]>> = {
  'the first list fails': ['on a list by %s, it lists again', 'is not synced, and says nothing, before'],
  'lists in pages': ['lists in pages, then watches'],
  bookmarks: ['a bookmark keeps a quiet one alive'],
  'resume from the last version': ['that ended well is resumed at once, from the last version'],
  'any failure but 410': ['by %s it %s and misses nothing', 'on a watch by %s, it misses nothing'],
  'back-off': ['doubles from 0.8 s to 20 s', 'each watch by %s, it asks ever more rarely'],
  'a handler throws': ['goes on when whoever listens throws'],
  'credentials fail on reconnect': ['a token file that is away for a while'],
  'stop while it connects': ['can be stopped while it connects', 'can be stopped while its credentials'],
  'start twice': ['is one of its own when another of the same collection'],
  'objects as they are kept': ['keeps of the metadata what somebody reads', 'asks for metadata only'],
  K1: ['by an outage, it comes back by itself', 'K1 after it was killed'],
  K2: ['has one watch and no more after ten restarts', 'K2 after restarts of the API server'],
  K3: ['by a stall, and a list that stalls as well', 'is given up after 55 s of silence'],
  K4: [
    'by a continue token that is too old',
    'by a version that is too old, it lists again',
    'K4 a list starts over when its next page is too old',
  ],
  K5: ['after a compaction, a bookmark saves', 'K5 after a compaction'],
  K6: ['waits as long as Retry-After says', 'by a watch that must wait, it waits too'],
  K7: [
    'a token that was replaced in its file is found after a 401',
    'a token that comes late is waited for',
    'a CA %s that was replaced is found',
    'K7 after the account was deleted',
    'K7 after the rights were cut in one namespace',
  ],
  K8: ['by %s it %s and misses nothing', '%s is a failure and changes nothing'],
  K10: [
    'twice change nothing',
    'in the wrong order lead to a list',
    'after the deletion that they precede',
    'after one that was left out make it good',
    'not at all, before the connection breaks',
    'may jump ahead',
    'may fall back when the server is restored',
  ],
  K11: [
    'because the CRD is deleted, it knows that nothing is there',
    'because the CRD was deleted while it saw nothing',
    'by 404 from one %s, it keeps what it has',
    'K11 after the CRD was deleted and created again',
    'K11 after the CRD was deleted while the line was cut',
  ],
};

const titles = globSync(['*.test.ts', '../cluster/*.test.ts'], { cwd: import.meta.dirname })
  .filter((path) => path !== 'reflector-rows.test.ts')
  .flatMap((path) => readFileSync(`${import.meta.dirname}/${path}`, 'utf8').split('\n'))
  // The title is on the line of the call, or on the one that ends the table of its cases.
  .filter((line) => /^\s*(it|test)\b|^\s*\]\)\(/.test(line));

test.each(Object.entries(rows))('%s is held by tests', (_, words) => {
  const missing = words.filter((some) => !titles.some((title) => title.includes(some)));
  expect(missing).toEqual([]);
});
