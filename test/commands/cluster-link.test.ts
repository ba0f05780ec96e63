import { expect, test } from 'vitest';
import { createClusterLink } from '../../operator/commands/cluster-link.ts';
import { ApiError, localError } from '../../operator/controller/api-error.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import type { ClusterFacts } from '../../operator/policy/inputs.ts';
import { createFakeClock, settle } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const issuer = 'https://cluster.example.com';
const wellKnown = 'https://kubernetes.default.svc';
const self = 'system:serviceaccount:home:operator';
const away = localError('ConnectionFailed', 'ECONNREFUSED');
const forbidden = new ApiError(403, 'Forbidden');

/** What the API server says: an error is thrown. */
interface Answers {
  token?: string | undefined;
  review: object | Error;
  document: object | Error;
  requested: object | Error;
}

const good: Answers = {
  token: 'own-token',
  review: { status: { authenticated: true, user: { username: self }, audiences: ['https://api'] } },
  document: { issuer },
  requested: { status: { token: 'a-token-for-us' } },
};

function createScene(first: Partial<Answers> = {}, podNamespace?: string) {
  const clock = createFakeClock();
  const log = recordLog();
  const posted: string[] = [];
  let answers: Answers = { ...good, ...first };
  const give = (answer: object | Error): object => {
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const api = {
    create: async (path: string) => {
      posted.push(path);
      return give(path.endsWith('/token') ? answers.requested : answers.review);
    },
    getBytes: async () => Buffer.from(JSON.stringify(give(answers.document))),
    ownToken: async () => answers.token,
    close: () => undefined,
  } as unknown as KubeApi;
  const link = createClusterLink({
    api,
    ...(podNamespace === undefined ? {} : { podNamespace }),
    clock,
    random: () => 0,
    log,
  });
  const told: ClusterFacts[] = [];
  let isReleased = false;
  const learn = (): void => {
    void link
      .learn((facts) => void told.push(facts))
      .then(() => {
        isReleased = true;
      });
  };
  return {
    clock,
    log,
    link,
    told,
    posted,
    learn,
    isReleased: () => isReleased,
    answer: (next: Partial<Answers>) => {
      answers = { ...answers, ...next };
    },
  };
}

test('what is learned is told once, and nothing is asked again', async () => {
  const { clock, link, told, posted, learn, isReleased } = createScene();
  expect(posted).toEqual([]);
  learn();
  await settle();
  expect(told).toEqual([{ reviewsTokens: true, audiences: ['https://api'], issuer }]);
  expect(isReleased()).toBe(true);
  const asked = posted.length;
  clock.advance(3_600_000);
  await settle();
  expect(posted).toHaveLength(asked);
  link.close();
});

test('an API server that is away is waited for, however long, and asked every few seconds', async () => {
  const { clock, link, told, learn, isReleased, answer } = createScene({ review: away, document: away });
  learn();
  await settle();
  expect(told[0]?.audiences).toContain(wellKnown);
  for (let minute = 0; minute < 600; minute += 1) {
    clock.advance(10_000);
    await settle(2);
  }
  expect(isReleased()).toBe(false);
  answer(good);
  clock.advance(5_000);
  await settle();
  expect(isReleased()).toBe(true);
  expect(told.at(-1)).toEqual({ reviewsTokens: true, audiences: ['https://api'], issuer });
  link.close();
});

test('one that answers, but does not review, is waited for half a minute', async () => {
  const { clock, link, told, learn, isReleased, answer } = createScene({ review: away });
  learn();
  await settle();
  clock.advance(29_999);
  await settle();
  expect(isReleased()).toBe(false);
  clock.advance(1);
  await settle();
  expect(isReleased()).toBe(true);
  answer(good);
  clock.advance(5_000);
  await settle();
  expect(told.at(-1)).toEqual({ reviewsTokens: true, audiences: ['https://api'], issuer });
  link.close();
});

test('one that does not let us is not waited for, but asked again', async () => {
  const { clock, link, told, learn, isReleased, answer, log } = createScene({ review: forbidden });
  learn();
  await settle();
  expect(isReleased()).toBe(true);
  expect(told[0]?.audiences).toContain(wellKnown);
  expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  answer(good);
  clock.advance(1_000);
  await settle();
  expect(told.at(-1)?.audiences).toEqual(['https://api']);
  link.close();
});

test('without a token to ask about there is nothing more to learn', async () => {
  const { clock, link, told, posted, learn, isReleased } = createScene({ token: undefined });
  learn();
  await settle();
  expect(isReleased()).toBe(true);
  expect(told).toMatchObject([{ issuer }]);
  clock.advance(3_600_000);
  await settle();
  expect(posted).toEqual([]);
  link.close();
});

test('what one attempt has learned is not lost by the next', async () => {
  const { clock, link, told, learn, answer } = createScene({ document: away });
  learn();
  await settle();
  expect(told[0]).toMatchObject({ audiences: ['https://api'] });
  answer({ review: forbidden, document: { issuer } });
  clock.advance(1_000);
  await settle();
  expect(told.at(-1)).toEqual({ reviewsTokens: true, audiences: ['https://api'], issuer });
  link.close();
});

test('a token for itself is asked of the account that the API server knows it as', async () => {
  const { link, posted, learn } = createScene({}, 'elsewhere');
  learn();
  await settle();
  expect(await link.ports.requestOwnToken('x')).toEqual({ ok: true, token: 'a-token-for-us' });
  expect(posted.at(-1)).toBe('/api/v1/namespaces/home/serviceaccounts/operator/token');
  link.close();
});

test('else of the usual one in its namespace, else of none', async () => {
  const named = createScene({ token: undefined }, 'home');
  named.learn();
  await settle();
  await named.link.ports.requestOwnToken('x');
  expect(named.posted.at(-1)).toBe('/api/v1/namespaces/home/serviceaccounts/mcp-auth-operator/token');
  const unnamed = createScene({ token: undefined });
  unnamed.learn();
  await settle();
  expect(await unnamed.link.ports.requestOwnToken('x')).toEqual({ ok: false, why: 'NoAccount' });
  named.link.close();
  unnamed.link.close();
});

test.each([
  ['TokenRefused', forbidden],
  ['TokenRefused', new ApiError(404, 'NotFound')],
  ['Unavailable', away],
  ['Unavailable', {}],
] as const)('a request that fails is %s (%s)', async (why, requested) => {
  const { link, learn } = createScene({ requested });
  learn();
  await settle();
  expect(await link.ports.requestOwnToken('x')).toEqual({ ok: false, why });
  link.close();
});
