import { describe, expect, it } from 'vitest';
import { resolveByDns, resolveHost } from '../../operator/keys/resolve-host.ts';
import { until } from '../fixtures/fake-clock.ts';
import { startDnsServer } from './dns-server.ts';

const never = new AbortController().signal;
const V6 = [0x26, 0x06, 0x47, 0, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11];

describe('resolveByDns', () => {
  it('gives all addresses of both families', async () => {
    await using dns = await startDnsServer({ 'idp.example.com': { a: ['1.1.1.1', '10.0.0.1'], aaaa: [V6] } });
    const addresses = await resolveByDns('idp.example.com', never, [dns.address]);
    expect(new Set(addresses)).toEqual(new Set(['1.1.1.1', '10.0.0.1', '2606:4700:4700::1111']));
  });

  it('does with one family', async () => {
    await using dns = await startDnsServer({
      'four.example.com': { a: ['1.1.1.1'] },
      'six.example.com': { aaaa: [V6] },
    });
    expect(await resolveByDns('four.example.com', never, [dns.address])).toEqual(['1.1.1.1']);
    expect(await resolveByDns('six.example.com', never, [dns.address])).toEqual(['2606:4700:4700::1111']);
  });

  it('rejects a name that does not exist', async () => {
    await using dns = await startDnsServer({});
    await expect(resolveByDns('no.example.com', never, [dns.address])).rejects.toThrow();
  });

  it('stops asking when it is told to', async () => {
    await using dns = await startDnsServer({ 'slow.example.com': { a: 'silent', aaaa: 'silent' } });
    const controller = new AbortController();
    const addresses = resolveByDns('slow.example.com', controller.signal, [dns.address]);
    await until(() => dns.asked.length >= 2);
    controller.abort();
    await expect(addresses).rejects.toThrow('ECANCELLED');
  });
});

describe('resolveHost', () => {
  it('reads the hosts file for a name without a dot', async () => {
    expect(await resolveHost('localhost', [], never)).toContain('127.0.0.1');
  });
});
