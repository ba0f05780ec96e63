import { describe, expect, it } from 'vitest';
import {
  isNamedHost,
  isPublicAddress,
  isSameAddress,
  judgeConnection,
  judgeDestination,
} from '../../operator/keys/address-rules.ts';
import type { OutboundRule } from '../../operator/policy/outbound-rule.ts';
import { HOSTILE_ADDRESSES, NO_ADDRESSES, PUBLIC_ADDRESSES } from './addresses.ts';

function rule(part: Partial<OutboundRule>): OutboundRule {
  return { hosts: ['idp.internal'], cidrs: ['10.20.0.0/16'], ports: [443], ...part };
}

const open = rule({ hosts: ['*'], cidrs: ['0.0.0.0/0', '::/0'], ports: [443, 8443] });

describe('isPublicAddress', () => {
  it.each(HOSTILE_ADDRESSES)('%s is not public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(PUBLIC_ADDRESSES)('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(NO_ADDRESSES)('%j is no address', (text) => {
    expect(isPublicAddress(text)).toBe(false);
    expect(judgeConnection({ host: 'idp.internal', port: 443, address: text }, [open])).toBe(false);
  });
});

describe('judgeConnection without rules', () => {
  const good = { host: 'idp.example.com', port: 443, address: '1.1.1.1' };

  it.each(['idp.example.com', 'a.b', 'xn--bcher-kva.example', '_oidc.example.com', 'idp-1.example.xn--p1ai'])(
    'takes the name %s',
    (host) => {
      expect(judgeConnection({ ...good, host }, [])).toBe(true);
      expect(judgeDestination({ ...good, host }, [])).toBe(true);
    },
  );

  it.each([
    'localhost',
    'kubernetes',
    'localhost.',
    'idp.example.com.',
    '1.1.1.1',
    '127.1',
    '0x7f.1',
    'idp.1',
    '[2606:4700:4700::1111]',
    '2606:4700:4700::1111',
    '*.example.com',
    'IDP.example.com',
    '.example.com',
    'idp..example.com',
    '',
  ])('does not take the host %j', (host) => {
    expect(judgeConnection({ ...good, host }, [])).toBe(false);
    expect(judgeDestination({ ...good, host }, [])).toBe(false);
  });

  it.each([80, 8443, 0, 22, 6443])('does not take port %i', (port) => {
    expect(judgeConnection({ ...good, port }, [])).toBe(false);
  });

  it.each(HOSTILE_ADDRESSES)('does not take the address %s', (address) => {
    expect(judgeConnection({ ...good, address }, [])).toBe(false);
  });
});

describe('judgeConnection with rules', () => {
  const internal = { host: 'idp.internal', port: 443, address: '10.20.1.2' };

  it('takes what one rule covers whole', () => {
    expect(judgeConnection(internal, [rule({})])).toBe(true);
    expect(judgeConnection({ ...internal, port: 8443 }, [rule({ ports: [443, 8443] })])).toBe(true);
  });

  it('takes a public address on a port of the rule', () => {
    expect(judgeConnection({ ...internal, address: '1.1.1.1' }, [rule({ cidrs: [] })])).toBe(true);
    expect(judgeConnection({ ...internal, address: '1.1.1.1', port: 8443 }, [rule({})])).toBe(false);
  });

  it.each([
    ['host', { host: 'other.internal' }],
    ['port', { port: 8443 }],
    ['address', { address: '10.21.0.1' }],
    ['address family', { address: 'fd00::1' }],
  ])('does not take another %s', (_, change) => {
    expect(judgeConnection({ ...internal, ...change }, [rule({})])).toBe(false);
  });

  it('never adds two rules up', () => {
    const rules = [
      rule({ cidrs: ['10.99.0.0/16'] }),
      rule({ hosts: ['other.internal'] }),
      rule({ ports: [8443] }),
    ];
    expect(judgeConnection(internal, rules)).toBe(false);
  });

  it('leaves the default in force beside them', () => {
    expect(judgeConnection({ host: 'idp.example.com', port: 443, address: '1.1.1.1' }, [rule({})])).toBe(
      true,
    );
    expect(judgeConnection({ host: 'idp.example.com', port: 443, address: '10.20.1.2' }, [rule({})])).toBe(
      false,
    );
  });

  it.each([
    ['*', 'anything', true],
    ['*', '127.0.0.1', true],
    ['*', '[::1]', true],
    ['*.corp.example', 'idp.corp.example', true],
    ['*.corp.example', 'a.b.corp.example', true],
    ['*.corp.example', 'corp.example', false],
    ['*.corp.example', 'evilcorp.example', false],
    ['*.corp.example', 'idp.corp.example.evil.test', false],
    ['*.0.0.1', '127.0.0.1', false],
    ['*corp.example', 'idp.corp.example', false],
    ['idp.*', 'idp.internal', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['[::1]', '[::1]', true],
    ['::1', '[::1]', true],
    ['127.0.0.1', '127.0.0.11', false],
    ['corp.example', 'idp.corp.example', false],
  ])('host pattern %s and %s: %s', (pattern, host, expected) => {
    const rules = [rule({ hosts: [pattern], cidrs: ['10.0.0.0/8'] })];
    expect(judgeConnection({ host, port: 443, address: '10.1.1.1' }, rules)).toBe(expected);
    expect(
      judgeDestination(
        { host, port: 443 },
        rules.map((one) => ({ ...one, ports: [443] })),
      ),
    ).toBe(expected || judgeDestination({ host, port: 443 }, []));
  });

  it.each([
    ['10.20.0.0/16', '::ffff:10.20.0.1', true],
    ['10.20.0.0/16', '::ffff:a14:1', true],
    ['10.20.0.0/16', '::10.20.0.1', false],
    ['127.0.0.0/8', '127.255.0.1', true],
    ['::1/128', '::1', true],
    ['::1/128', '::2', false],
    ['fd00::/8', 'fdff::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['::/0', '10.20.0.1', false],
    ['0.0.0.0/0', 'fd00::1', false],
    ['::ffff:0:0/96', '10.20.0.1', false],
    ['0.0.0.0/0', '10.20.0.1', true],
  ])('range %s and address %s: %s', (cidr, address, expected) => {
    expect(judgeConnection({ ...internal, address }, [rule({ cidrs: [cidr] })])).toBe(expected);
  });

  it.each([
    '',
    '10.20.0.0',
    '10.20.0.0/',
    '10.20.0.0/33',
    '10.20.0.0/-1',
    '10.20.0.0/16/8',
    '10.20/16',
    'x/8',
    '/8',
  ])('a range that cannot be read holds nothing: %j', (cidr) => {
    expect(judgeConnection({ ...internal, address: '10.20.0.0' }, [rule({ cidrs: [cidr] })])).toBe(false);
  });
});

describe('isNamedHost', () => {
  it('is true of names that the administrator wrote down, and not of all names', () => {
    const rules = [rule({ hosts: ['*'] }), rule({ hosts: ['idp.internal', '*.corp.example'] })];
    expect(isNamedHost('idp.internal', rules)).toBe(true);
    expect(isNamedHost('a.corp.example', rules)).toBe(true);
    expect(isNamedHost('idp.example.com', rules)).toBe(false);
  });
});

describe('isSameAddress', () => {
  it.each([
    ['1.2.3.4', '::ffff:1.2.3.4', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['FD00::A', 'fd00::a', true],
    ['1.2.3.4', '1.2.3.5', false],
    ['', '', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(isSameAddress(one, other)).toBe(expected);
  });
});
