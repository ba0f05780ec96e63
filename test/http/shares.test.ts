import { expect, test } from 'vitest';
import { createShares } from '../../operator/http/shares.ts';

const limits = {
  maxInFlightPerPolicy: 1,
  maxStreamsPerPolicy: 1,
  maxInspectedBytes: 10,
  maxInspectedBytesPerPolicy: 10,
  maxInspectedBytesPerNamespace: 15,
  maxInspectedBytesInAll: 20,
};

test('bytes are taken of the policy, of its namespace and of all, or not at all', () => {
  const shares = createShares(() => limits);
  const first = shares.takeBytes('a/x', 10);
  expect(first).toBeDefined();
  expect(shares.takeBytes('a/x', 1)).toBeUndefined();
  expect(shares.takeBytes('a/y', 6)).toBeUndefined();
  expect(shares.takeBytes('a/y', 5)).toBeDefined();
  expect(shares.takeBytes('b/x', 6)).toBeUndefined();
  expect(shares.takeBytes('b/x', 5)).toBeDefined();
  first?.();
  first?.();
  expect(shares.takeBytes('a/x', 10)).toBeDefined();
});

test('one policy has no more requests and streams than its share; those of others are their own', () => {
  const shares = createShares(() => limits);
  const release = shares.takeStream('a/x');
  expect([shares.takeStream('a/x'), shares.openStreams()]).toEqual([undefined, 1]);
  expect(shares.takeStream('a/y')).toBeDefined();
  release?.();
  release?.();
  expect(shares.openStreams()).toBe(1);
  expect(shares.takeRequest('a/x')).toBeDefined();
  expect(shares.takeRequest('a/x')).toBeUndefined();
});
