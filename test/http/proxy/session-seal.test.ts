import { afterEach, describe, expect, test } from 'vitest';
import type { Admission } from '../../../operator/http/backend.ts';
import { openSession, sealSession } from '../../../operator/http/proxy/session-seal.ts';
import { type ScriptedUpstream, startHttpUpstream } from '../../fixtures/scripted-upstream.ts';
import { type Proxied, policyTo, startProxied } from './proxied.ts';

const key = new Uint8Array(32).fill(1);
const otherKey = new Uint8Array(32).fill(2);
const id = 'b3f1c2d4-0000-4000-8000-000000000000';

interface Who {
  readonly namespace?: string;
  readonly name?: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly clientId?: string;
}

function admissionOf({
  namespace = 'team-a',
  name = 'x',
  issuer = 'i',
  subject = 's',
  clientId,
}: Who = {}): Admission {
  return {
    policy: { namespace, name },
    principal: {
      issuer,
      subject,
      ...(clientId === undefined ? {} : { clientId }),
      audiences: [],
      scopes: [],
      expiresAt: 1,
    },
  } as unknown as Admission;
}

const sealed = sealSession(id, admissionOf(), key) ?? '';

test('what was sealed for a caller opens for the same caller, with any key that is known', () => {
  expect(sealed).not.toBe(id);
  expect(openSession(sealed, admissionOf(), [key])).toBe(id);
  expect(openSession(sealed, admissionOf(), [otherKey, key])).toBe(id);
  expect(openSession(sealed, admissionOf(), [otherKey])).toBeUndefined();
  expect(openSession(sealed, admissionOf(), [])).toBeUndefined();
});

test.each<Who>([
  { namespace: 'team-b' },
  { name: 'y' },
  { issuer: 'j' },
  { subject: 't' },
  { clientId: 'c' },
  { clientId: '' },
  { namespace: 'team-ax', name: '' },
  { issuer: 'is', subject: '' },
  { issuer: '', subject: 'is' },
])('it does not open for $namespace $name $issuer $subject $clientId', (who) => {
  expect(openSession(sealed, admissionOf(who), [key])).toBeUndefined();
});

test('no other spelling opens', () => {
  const [code = '', rest = ''] = sealed.split('.');
  const last = code.slice(-1);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const twins = [...alphabet]
    .filter((letter) => letter !== last)
    .map((letter) => `${code.slice(0, -1)}${letter}.${rest}`);
  for (const text of [
    ...twins,
    '',
    '.',
    id,
    `.${id}`,
    `${code}.`,
    code,
    `${code}.${id}x`,
    `${code}.${id} `,
    `${code}=.${id}`,
    `${code}..${id}`,
    `${code}.${id}.${id}`,
    ` ${sealed}`,
  ]) {
    expect(openSession(text, admissionOf(), [key]), text).toBeUndefined();
  }
});

test('ids with dots are sealed too; what is no id is not', () => {
  const dotted = 'a.b.c';
  expect(openSession(sealSession(dotted, admissionOf(), key) ?? '', admissionOf(), [key])).toBe(dotted);
  for (const bad of ['', 'a b', 'a\tb', 'ä', 'x'.repeat(1025)])
    expect(sealSession(bad, admissionOf(), key)).toBeUndefined();
});

describe('through the proxy', () => {
  let upstream: ScriptedUpstream;
  const proxies: Proxied[] = [];

  afterEach(async () => {
    for (const proxied of proxies.splice(0)) await proxied.stop();
    await upstream.stop();
  });

  async function startTwo(): Promise<readonly [Proxied, Proxied]> {
    upstream = await startHttpUpstream((request, response) => {
      response.setHeader('mcp-session-id', id);
      response.end(String(request.headers['mcp-session-id']));
    });
    const policy = policyTo(upstream.port);
    const two = [await startProxied(policy), await startProxied(policy)] as const;
    proxies.push(...two);
    return two;
  }

  const call = (proxied: Proxied, subject: string, session?: string, method = 'POST'): Promise<Response> =>
    fetch(proxied.url, {
      method,
      headers: {
        authorization: `Bearer ${subject}`,
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      },
    });

  test('its caller goes on at any replica; another gets 404, and the upstream hears nothing of it', async () => {
    const [one, other] = await startTwo();
    const begun = await call(one, 'alice');
    expect(await begun.text()).toBe('undefined');
    const session = begun.headers.get('mcp-session-id') ?? '';
    expect(session).not.toBe(id);
    for (const method of ['POST', 'GET', 'DELETE']) {
      expect(await (await call(other, 'alice', session, method)).text()).toBe(id);
    }
    const before = upstream.received();
    for (const [subject, given] of [
      ['bob', session],
      ['alice', id],
      ['alice', `${session}x`],
      ['alice', 'made-up'],
    ] as const) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const refused = await call(one, subject, given, method);
        expect(refused.status).toBe(404);
        expect(await refused.json()).toMatchObject({ jsonrpc: '2.0', id: null });
      }
    }
    expect(upstream.received()).toBe(before);
  });
});
