import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ScriptedUpstream, startHttpUpstream } from '../fixtures/scripted-upstream.ts';
import { type ProtectedServer, protect } from '../upstreams/protected.ts';
import { post } from './callers.ts';
import { eventually } from './eventually.ts';

/** Far less than requests have to end, on a slow machine, too. */
const atOnceMs = 5_000;

let upstream: ScriptedUpstream;
let server: ProtectedServer;
let isAsked: boolean;
let answer: () => void;
let call: Promise<number | string>;

/** A call that does not end by itself, so that nor does an operator that is asked to stop. */
beforeEach(async () => {
  isAsked = false;
  upstream = await startHttpUpstream((_, response) => {
    isAsked = true;
    answer = () => void response.end('{}');
  });
  server = await protect(`127.0.0.1:${upstream.port}`, []);
  call = post(server.resource, server.token()).then(
    ({ status }) => status,
    () => 'cut',
  );
  await eventually(
    'the call is under way',
    async () => isAsked,
    (value) => value,
  );
});

afterEach(async () => {
  await server.stop();
  await upstream.stop();
});

test.each([
  ['SIGTERM', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
  ['SIGINT', 'SIGTERM'],
] as const)('%s and soon after %s: the program ends at once with code 1', async (first, second) => {
  const startMs = performance.now();
  server.signal(first);
  await delay(50);
  server.signal(second);
  await expect(call).resolves.toBe('cut');
  expect(await server.ended).toBe(1);
  expect(performance.now() - startMs).toBeLessThan(atOnceMs);
});

test('SIGINT and its echo are one wish: what is under way is answered', async () => {
  server.signal('SIGINT');
  await delay(50);
  server.signal('SIGINT');
  await delay(200);
  answer();
  await expect(call).resolves.toBe(200);
  expect(await server.ended).toBe(0);
});

test('SIGINT again when no echo is to be expected any more ends the program at once', async () => {
  server.signal('SIGINT');
  await delay(1_200);
  server.signal('SIGINT');
  await expect(call).resolves.toBe('cut');
  expect(await server.ended).toBe(1);
});
