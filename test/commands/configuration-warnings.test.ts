import { describe, expect, test } from 'vitest';
import { findWarnings, logWarnings } from '../../operator/commands/configuration-warnings.ts';
import {
  decodeConfiguration,
  defaultDocument,
  type OperatorConfiguration,
} from '../../operator/policy/operator-configuration.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

function configure(change: object): OperatorConfiguration {
  const decoded = decodeConfiguration({
    ...defaultDocument,
    publicURL: 'https://mcp.example.com',
    ...change,
  });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  return decoded.value;
}

const allow = (entry: object): object => ({
  outbound: { allow: [{ namespaces: ['*'], hosts: ['idp.internal'], ...entry }] },
});

describe('surely not meant', () => {
  test.each([
    ['no publicURL', { publicURL: null }, 'publicURL'],
    [
      'every IPv4 address',
      allow({ hosts: ['*'], cidrs: ['10.0.0.0/8', '0.0.0.0/0'] }),
      'outbound.allow[0].cidrs',
    ],
    ['every IPv6 address', allow({ hosts: ['x', '*'], cidrs: ['::/0'] }), 'outbound.allow[0].cidrs'],
    [
      'the metadata service of a cloud',
      allow({ hosts: ['*'], cidrs: ['169.254.0.0/16'] }),
      'outbound.allow[0].cidrs',
    ],
    ['an address that no range holds', allow({ hosts: ['10.0.0.1'] }), 'outbound.allow[0].hosts[0]'],
    [
      'an IPv6 address that no range holds',
      allow({ hosts: ['[fd00::1]'], cidrs: ['10.0.0.0/8'] }),
      'outbound.allow[0].hosts[0]',
    ],
    ['names beside *', allow({ namespaces: ['a', '*'] }), 'outbound.allow[0].namespaces'],
    [
      'names beside *, of issuers',
      { issuers: [{ namespaces: ['*', 'a'], issuers: ['https://idp.example.com'] }] },
      'issuers[0].namespaces',
    ],
    [
      'hosts of all',
      { resourceHosts: [{ namespaces: ['*'], hosts: ['x.example.com'] }] },
      'resourceHosts[0].namespaces',
    ],
    ['an origin without TLS', { allowedOrigins: ['http://app.example.com'] }, 'allowedOrigins[0]'],
  ])('%s', (_, change, path) => {
    expect(findWarnings(configure(change)).map((warning) => warning.path)).toEqual([path]);
  });
});

test('what an administrator may well mean is no warning', () => {
  const configuration = configure({
    outbound: {
      allow: [
        { namespaces: ['*'], hosts: ['*'], cidrs: ['10.20.0.0/16'], ports: [443, 8443] },
        {
          namespaces: ['a', 'b'],
          hosts: ['127.0.0.1', '[::1]', '1.1.1.1'],
          cidrs: ['127.0.0.0/8', '::1/128'],
        },
        { namespaces: ['a'], hosts: ['idp.internal'], cidrs: ['0.0.0.0/0', '::/0'] },
      ],
    },
    issuers: [{ namespaces: ['*'], issuers: ['https://idp.example.com'] }],
    resourceHosts: [{ namespaces: ['a', 'b'], hosts: ['x.example.com'] }],
    allowedOrigins: ['https://app.example.com', 'http://localhost:6274', 'http://[::1]:1'],
    intervals: { keyRefresh: '12h' },
  });
  expect(findWarnings(configuration)).toEqual([]);
});

test('each is a line in the log', () => {
  const log = recordLog();
  logWarnings(configure({ publicURL: null, clusterIssuer: true }), log, { hasCluster: false });
  expect(log.lines).toMatchObject([
    { level: 'warn', message: expect.stringContaining('clusterIssuer') },
    { level: 'warn', fields: { field: 'publicURL' } },
  ]);
});
