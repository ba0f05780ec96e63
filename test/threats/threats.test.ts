import { afterAll, describe, expect, test } from 'vitest';
import { createGate } from '../../operator/http/gate/gate.ts';
import { type CompiledPolicy, type RoutingTable, routeKey } from '../../operator/policy/snapshot.ts';
import { denials } from '../../operator/verify/denial.ts';
import { keySetCases } from './key-sets.cases.ts';
import { requestCases } from './requests.cases.ts';
import { type Expected, expectedIn, goodClaims, tokenCases } from './tokens.cases.ts';
import {
  createOffline,
  createOidc,
  createReviewing,
  createSigners,
  publicKeys,
  type Subject,
} from './verifiers.ts';

const signers = await createSigners();
const oidc = await createOidc(publicKeys(signers));
const subjects: readonly Subject[] = [oidc, createOffline(publicKeys(signers)), createReviewing(signers)];

afterAll(() => oidc[Symbol.asyncDispose]());

async function judge(
  { verify, config }: Subject,
  token: string,
  change: object = {},
): Promise<Expected | 'unavailable'> {
  const verdict = await verify(token, { ...config, ...change });
  return verdict.kind === 'denied' ? verdict.reason : verdict.kind;
}

describe.each(subjects)('mode $mode', (subject) => {
  test.each(tokenCases)('$name', async (one) => {
    expect(await judge(subject, one.make(signers), one.config)).toBe(expectedIn(subject.mode, one));
  });

  describe('a good token, sent in an odd way', () => {
    test.each(requestCases)('$name → $status $expected', async ({ query, headers, expected, status }) => {
      const token = signers.ec.sign({}, goodClaims);
      const decision = await sendTo(subject, headers(token), query?.replace('TOKEN', token));
      expect(decision.kind === 'admit' ? 'admitted' : decision.reason).toBe(expected);
      if (decision.kind === 'answer') expect(decision.answer.status).toBe(status);
    });
  });

  test('T11 nothing of a refused token, and nothing that could break a header, is in an answer', async () => {
    const canary = `canary"\r\n\\${'x'.repeat(20)}`;
    for (const { name, make, config } of tokenCases) {
      const token = make(signers);
      if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token) || config !== undefined) continue;
      const decision = await sendTo(subject, ['Authorization', `Bearer ${token}`]);
      if (decision.kind === 'admit') continue;
      const written = JSON.stringify(decision.answer);
      for (const part of token.split('.').filter(({ length }) => length > 8)) {
        expect(written, name).not.toContain(part);
      }
    }
    const refused = await sendTo(subject, [
      'Authorization',
      `Bearer ${signers.ec.sign({}, { ...goodClaims, iss: canary, sub: canary, scope: canary })}`,
    ]);
    expect(JSON.stringify(refused)).not.toContain('canary');
    const challenge = refused.kind === 'answer' ? refused.answer.headers['www-authenticate'] : undefined;
    expect(challenge).toMatch(/^[ !#-[\]-~"]+$/);
  });
});

describe.each(['OIDC', 'Offline'] as const)('key sets in mode %s', (mode) => {
  test.each(keySetCases)('$name → $expected', async ({ keys, token, expected }) => {
    const given = keys(signers);
    if (mode === 'Offline') {
      expect(await judge(createOffline(given), token(signers))).toBe(expected);
      return;
    }
    await using subject = await createOidc(given as readonly object[]);
    expect(await judge(subject, token(signers))).toBe(expected);
  });
});

test('every row of the threat table is there', () => {
  const names = [...tokenCases, ...keySetCases, ...requestCases].map(({ name }) => name).join(' ');
  const rows = [...range('T', 10), ...range('H', 16), ...range('C', 14)];
  expect(rows.filter((row) => !new RegExp(`\\b${row}\\b`).test(names))).toEqual([]);
});

test('every reason for a denial is reached', () => {
  const reached = new Set<string>(
    [...tokenCases, ...keySetCases].flatMap((one) => [
      one.expected,
      'make' in one ? expectedIn('TokenReview', one) : '',
    ]),
  );
  for (const { expected } of requestCases) reached.add(expected);
  expect(Object.keys(denials).filter((reason) => !reached.has(reason))).toEqual([]);
});

function range(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
}

async function sendTo({ verify, config }: Subject, headers: readonly string[], query?: string) {
  const policy: CompiledPolicy = {
    namespace: 'team-a',
    name: 'x',
    generation: 1,
    resource: 'https://mcp.example.com/team-a/x/mcp',
    path: '/team-a/x/mcp',
    metadataURL: 'https://mcp.example.com/.well-known/oauth-protected-resource/team-a/x/mcp',
    verifier: config,
    tools: [],
    digest: 'd',
  };
  const snapshot: RoutingTable = {
    hosts: { shared: [{ hostname: 'mcp.example.com' }], own: [] },
    allowedOrigins: [],
    routes: new Map([[routeKey(undefined, policy.path), policy]]),
  };
  const target = query === undefined ? policy.path : `${policy.path}?${query}`;
  return await createGate(verify)(
    { method: 'POST', target, rawHeaders: ['Host', 'mcp.example.com', ...headers] },
    snapshot,
  );
}
