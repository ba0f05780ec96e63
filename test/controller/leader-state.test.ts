import { describe, expect, it } from 'vitest';
import {
  afterRead,
  afterWrite,
  chooseMove,
  type Election,
  enterElection,
  leadsForMs,
  releasedSpec,
  specFor,
} from '../../operator/controller/leader-state.ts';
import type { LeaseSpec } from '../../operator/controller/lease.ts';

const t0 = 1_000_000;
const time = '2026-11-24T12:00:00.000000Z';

const held = (holderIdentity: string, changes: Partial<LeaseSpec> = {}): LeaseSpec => ({
  ...{ holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 3 },
  ...{ acquireTime: 'then', renewTime: 'later' },
  ...changes,
});

/** What is read, by the milliseconds after the start at which it is. */
type Reads = readonly (readonly [atMs: number, spec: LeaseSpec | undefined])[];

const read = (reads: Reads, from = enterElection('me')): Election =>
  reads.reduce((state, [atMs, spec]) => afterRead(state, spec, t0 + atMs), from);

describe('the next move', () => {
  it.each<[string, Reads, number, string]>([
    ['no Lease', [[0, undefined]], 0, 'create'],
    ['a Lease that nobody holds', [[0, held('')]], 0, 'acquire'],
    ['a Lease that was released', [[0, held('', { leaseDurationSeconds: 1 })]], 0, 'acquire'],
    ['our own Lease', [[0, held('me')]], 0, 'renew'],
    ['our own Lease, long ago', [[0, held('me')]], 99_000, 'renew'],
    ['another, seen for the first time', [[0, held('you')]], 0, 'wait'],
    ['another, seen almost for its duration', [[0, held('you')]], 14_999, 'wait'],
    ['another, seen for its duration', [[0, held('you')]], 15_000, 'acquire'],
    ['another with a duration of its own', [[0, held('you', { leaseDurationSeconds: 30 })]], 29_999, 'wait'],
    [
      'another, unchanged when read again',
      [
        [0, held('you')],
        [14_000, held('you')],
      ],
      15_000,
      'acquire',
    ],
    [
      'another that was renewed meanwhile',
      [
        [0, held('you')],
        [14_000, held('you', { renewTime: 'now' })],
      ],
      28_999,
      'wait',
    ],
    ['another whose times are long past', [[0, held('you', { renewTime: '1999' })]], 0, 'wait'],
    ['another whose times are in the future', [[0, held('you', { renewTime: '2999' })]], 15_000, 'acquire'],
    [
      'a Lease that was deleted while another held it',
      [
        [0, held('you')],
        [2_000, undefined],
      ],
      14_999,
      'wait',
    ],
    [
      'the same, once its holder must have noticed',
      [
        [0, held('you')],
        [2_000, undefined],
      ],
      15_000,
      'create',
    ],
    [
      'our own Lease that was deleted',
      [
        [0, held('me')],
        [2_000, undefined],
      ],
      2_000,
      'create',
    ],
  ])('for %s', (_, reads, atMs, move) => {
    expect(chooseMove(read(reads), t0 + atMs)).toBe(move);
  });
});

describe('leadership', () => {
  const leading = afterWrite(enterElection('me'), held('me'), t0);

  it.each<[string, Election, number, number]>([
    ['is not there at first', enterElection('me'), 0, 0],
    ['is not there because the Lease says so', read([[0, held('me')]]), 0, 0],
    ['lasts ten seconds from the beginning of a write', leading, 0, 10_000],
    ['is almost over', leading, 9_999, 1],
    ['is over', leading, 10_000, 0],
    ['stays over', leading, 99_000, 0],
    ['survives reading our own record', read([[1_000, held('me')]], leading), 1_000, 9_000],
    ['survives that the Lease was deleted', read([[1_000, undefined]], leading), 1_000, 9_000],
    ['ends when another holds the Lease', read([[1_000, held('you')]], leading), 1_000, 0],
    ['ends when nobody holds it', read([[1_000, held('')]], leading), 1_000, 0],
    [
      'does not come back by reading',
      read(
        [
          [1_000, held('you')],
          [2_000, held('me')],
        ],
        leading,
      ),
      2_000,
      0,
    ],
  ])('%s', (_, state, atMs, ms) => {
    expect(leadsForMs(state, t0 + atMs)).toBe(ms);
  });
});

describe('what is written', () => {
  const mine = { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime: time };

  it.each([
    ['create', read([[0, undefined]]), { leaseTransitions: 0, acquireTime: time }],
    ['acquire', read([[0, held('you')]]), { leaseTransitions: 4, acquireTime: time }],
    ['renew', read([[0, held('me')]]), { leaseTransitions: 3, acquireTime: 'then' }],
  ] as const)('to %s', (move, state, rest) => {
    expect(specFor(move, state, time)).toEqual({ ...mine, ...rest });
  });

  it('counts on within what the API server takes', () => {
    const most = read([[0, held('you', { leaseTransitions: 2 ** 31 - 1 })]]);
    expect(specFor('acquire', most, time).leaseTransitions).toBe(0);
  });

  it('to release: nobody, for a second', () => {
    expect(releasedSpec(held('me'), time)).toEqual({
      ...{ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 3 },
      ...{ acquireTime: time, renewTime: time },
    });
  });
});
