import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDocumentFetcher,
  type DocumentOutcome,
  type OutboundPorts,
} from '../../operator/keys/outbound.ts';
import type { OutboundRule } from '../../operator/policy/outbound-rule.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, settle, until } from '../fixtures/fake-clock.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { HOSTILE_ADDRESSES } from './addresses.ts';
import { allowLoopback, resolveTo, startBlackHole, startCanary } from './loopback.ts';

const notAllowed = { ok: false, failure: 'AddressNotAllowed', answered: false };

let issuer: ScriptableIssuer;

beforeAll(async () => {
  issuer = await startScriptableIssuer({ ca: await createCertificateAuthority(), keys: { keys: [] } });
});
afterAll(() => issuer.stop());

async function fetchWith(
  url: string,
  outbound: readonly OutboundRule[],
  ports: Partial<OutboundPorts>,
): Promise<DocumentOutcome> {
  return await createDocumentFetcher(ports)({ url, outbound, caPem: issuer.caPem, maxBytes: 1 << 16 });
}

const countConnecting = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource.endsWith('ConnectWrap')).length;

describe('a host that may not be reached', () => {
  it.each([
    'http://idp.example.com/',
    'https://localhost/',
    'https://kubernetes/',
    'https://idp.example.com:8443/',
    'https://127.0.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://1.1.1.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://ⓛocalhost/',
    'https://１２７.0.0.1/',
    'https://loc%61lhost/',
    'https://user@idp.example.com/',
    'https://idp.example.com@127.0.0.1/',
    'https://idp.example.com\\@127.0.0.1/',
    'https:idp.example.com',
    'https:///idp.example.com/',
    'https://idp.example.com/#x',
    'https://idp.example.com/a\tb',
    'https://idp.example.com/a/../b',
    'https://IDP.example.com/',
    'https://idp.example.com./',
    ' https://idp.example.com/',
    'file:///etc/passwd',
    '',
  ])('is not even resolved: %j', async (url) => {
    const resolve = resolveTo(['127.0.0.1']);
    expect(await fetchWith(url, [], { resolve })).toEqual(notAllowed);
    expect(resolve.asked).toEqual([]);
  });
});

describe('addresses of a host that may be reached', () => {
  it.each(HOSTILE_ADDRESSES)('%s is not connected to, alone or beside a public one', async (address) => {
    for (const answer of [[address], ['203.0.112.1', address], [address, '203.0.112.1']]) {
      const outcome = await fetchWith('https://idp.example.com/', [], { resolve: resolveTo(answer) });
      expect(outcome).toEqual(notAllowed);
    }
  });

  it('one private address among allowed ones stops it before any connection', async () => {
    await using canary = await startCanary();
    const url = `https://localhost:${canary.port}/`;
    const mixed = resolveTo(['127.0.0.1', '10.0.0.1']);
    expect(await fetchWith(url, allowLoopback(url), { resolve: mixed })).toEqual(notAllowed);
    expect(canary.connections()).toBe(0);
  });

  it('names that change their mind are judged anew for each fetch, and resolved once for each', async () => {
    await using canary = await startCanary();
    const url = `https://idp.test:${canary.port}/`;
    const outbound = [{ hosts: ['idp.test'], cidrs: ['127.0.0.2/32'], ports: [canary.port] }];
    const resolve = resolveTo(['127.0.0.2'], ['127.0.0.1']);
    expect(await fetchWith(url, outbound, { resolve })).toMatchObject({ failure: 'HTTPError' });
    expect(resolve.asked).toEqual(['idp.test']);
    expect(await fetchWith(url, outbound, { resolve })).toEqual(notAllowed);
    expect(canary.connections()).toBe(0);
  });

  it('the connection goes to the judged address, whatever the name means to the machine', async () => {
    await using canary = await startCanary();
    const url = `https://localhost:${canary.port}/`;
    const outbound = [{ hosts: ['localhost'], cidrs: ['127.0.0.0/8'], ports: [canary.port] }];
    expect(await fetchWith(url, outbound, { resolve: resolveTo(['127.0.0.9']) })).toMatchObject({
      ok: false,
    });
    expect(canary.connections()).toBe(0);
  });

  it('a literal is judged too, and not resolved', async () => {
    const url = issuer.jwksURI.replace('localhost', '127.0.0.1');
    const resolve = resolveTo(['10.0.0.1']);
    const rules = allowLoopback(url);
    expect(await fetchWith(url, rules, { resolve })).toMatchObject({ ok: true });
    const others = rules.map((rule) => ({ ...rule, cidrs: ['127.0.0.2/32'] }));
    expect(await fetchWith(url, others, { resolve })).toEqual(notAllowed);
    expect(resolve.asked).toEqual([]);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('ENOTFOUND'))],
    ['has no address', () => Promise.resolve([])],
  ])('a name that %s is a DNSFailure', async (_, resolve) => {
    const outcome = await fetchWith('https://idp.example.com/', [], { resolve });
    expect(outcome).toEqual({ ok: false, failure: 'DNSFailure', answered: false });
  });
});

describe('connecting', () => {
  it('goes on to the next address when one refuses', async () => {
    const resolve = resolveTo(['127.0.0.2', '127.0.0.1']);
    const outcome = await fetchWith(issuer.jwksURI, allowLoopback(issuer.jwksURI), { resolve });
    expect(outcome).toMatchObject({ ok: true });
  });

  it('says HTTPError when all refuse', async () => {
    const resolve = resolveTo(['127.0.0.2', '127.0.0.3']);
    const outcome = await fetchWith(issuer.jwksURI, allowLoopback(issuer.jwksURI), { resolve });
    expect(outcome).toEqual({ ok: false, failure: 'HTTPError', answered: false });
  });

  it('waits for a name no longer than for all the rest', async () => {
    const clock = createFakeClock();
    const resolve = (): Promise<never> => new Promise(() => undefined);
    const outcome = fetchWith('https://idp.example.com/', [], { clock, resolve });
    clock.advance(5_000);
    expect(await outcome).toEqual({ ok: false, failure: 'Timeout', answered: false });
    expect(clock.pending()).toEqual([]);
  });

  describe.runIf(process.platform === 'linux')('to an address that does not answer', () => {
    it('takes 2 s', async () => {
      const clock = createFakeClock();
      await using _ = await startBlackHole('127.0.0.2', Number(new URL(issuer.issuer).port));
      const rules = allowLoopback(issuer.issuer);
      const before = countConnecting();
      const outcome = fetchWith(issuer.jwksURI, rules, { clock, resolve: resolveTo(['127.0.0.2']) });
      await until(() => countConnecting() === before + 1);
      await settle();
      expect(clock.pending()).toEqual([2_000, 5_000]);
      clock.advance(2_000);
      expect(await outcome).toEqual({ ok: false, failure: 'Timeout', answered: false });
      expect(clock.pending()).toEqual([]);
      await until(() => countConnecting() === before);
    });

    it('leaves time for the next address', async () => {
      const clock = createFakeClock();
      await using _ = await startBlackHole('127.0.0.2', Number(new URL(issuer.issuer).port));
      const resolve = resolveTo(['127.0.0.2', '127.0.0.1']);
      const before = countConnecting();
      const outcome = fetchWith(issuer.jwksURI, allowLoopback(issuer.issuer), { clock, resolve });
      await until(() => countConnecting() === before + 1);
      await settle();
      expect(clock.pending()).toEqual([1_000, 5_000]);
      clock.advance(1_000);
      expect(await outcome).toMatchObject({ ok: true });
    });
  });
});
