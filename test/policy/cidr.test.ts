import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeConnection } from '../../operator/keys/address-rules.ts';
import { isCidr } from '../../operator/policy/cidr.ts';

test.each([
  '0.0.0.0/0',
  '10.20.0.0/16',
  '10.20.0.1/8',
  '127.0.0.1/32',
  '::/0',
  '::1/128',
  'fd00::/8',
  '64:ff9b::10.0.0.0/104',
])('%s is a range', (text) => {
  expect(isCidr(text)).toBe(true);
});

describe('no range', () => {
  test.each([
    ['', ''],
    ['without a prefix', '10.0.0.0'],
    ['a quad too large', '10.0.0.256/8'],
    ['a prefix too long', '10.0.0.0/33'],
    ['a prefix too long for IPv6', 'fd00::/129'],
    ['leading zeros', '010.0.0.0/8'],
    ['leading zeros further on', '10.0.00.0/8'],
    ['a prefix with leading zeros', '10.0.0.0/08'],
    ['three quads', '10.0.0/8'],
    ['two prefixes', '10.0.0.0/8/8'],
    ['IPv4 written as IPv6', '::ffff:10.0.0.0/104'],
    ['the same in hexadecimal', '::ffff:a00:0/104'],
    ['a host name', 'abc/8'],
    ['upper case', 'FD00::/8'],
    ['a zone', 'fe80::1%eth0/64'],
  ])('%s: %j', (_, text) => {
    expect(isCidr(text)).toBe(false);
  });
});

test('what is accepted holds at least its own first address', () => {
  const piece = fc.constantFrom(
    '0',
    '00',
    '1',
    '10',
    '010',
    '127',
    '255',
    '256',
    'fd00',
    'ffff',
    ':',
    '::',
    '.',
  );
  const addresses = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((text) => text.toLowerCase()),
    fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join('')),
    fc.array(piece, { minLength: 4, maxLength: 4 }).map((pieces) => pieces.join('.')),
    fc.ipV4().map((text) => `::ffff:${text}`),
  );
  fc.assert(
    fc.property(addresses, fc.integer({ min: 0, max: 130 }), (address, prefix) => {
      const cidr = `${address}/${prefix}`;
      fc.pre(isCidr(cidr));
      const rule = { hosts: ['*'], cidrs: [cidr], ports: [443] };
      expect(judgeConnection({ host: 'idp.internal', port: 443, address }, [rule])).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
