import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ScriptedUpstream, startHttpUpstream } from '../fixtures/scripted-upstream.ts';
import { type ProtectedServer, protect } from '../upstreams/protected.ts';
import { post } from './callers.ts';
import { eventually } from './eventually.ts';

/** Half of the time that requests have to end. */
const soonMs = 10_000;

let upstream: ScriptedUpstream;
let server: ProtectedServer;
/** Calls that the upstream has not answered yet. */
let waiting: ServerResponse[];

beforeEach(async () => {
  waiting = [];
  upstream = await startHttpUpstream(({ method }, response) => {
    if (method === 'POST') {
      waiting.push(response);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  server = await protect(`127.0.0.1:${upstream.port}`, []);
});

afterEach(async () => {
  await server.stop();
  await upstream.stop();
});

function openStream(): Promise<Response> {
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${server.token()}` };
  return fetch(server.resource, { headers });
}

test('SIGTERM: an event stream is ended properly, a slow call is answered, and the program ends with code 0', async () => {
  const stream = await openStream();
  expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const events = stream.text();
  const call = post(server.resource, server.token());
  await eventually(
    'the call is under way',
    async () => waiting.length,
    (length) => length === 1,
  );
  const startMs = performance.now();
  server.signal('SIGTERM');
  // A connection that is cut would reject.
  expect(await events).toBe('data: 1\n\n');
  for (const response of waiting) response.end('answered');
  const answer = await call;
  expect([answer.status, await answer.text()]).toEqual([200, 'answered']);
  expect(await server.ended).toBe(0);
  expect(performance.now() - startMs).toBeLessThan(soonMs);
});
