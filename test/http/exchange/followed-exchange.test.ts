import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callOfBody } from '../../../operator/http/exchange/call-name.ts';
import type { ExchangeRecord } from '../../../operator/http/exchange/exchange-record.ts';
import { type FollowedExchange, followExchange } from '../../../operator/http/exchange/followed-exchange.ts';
import type { CompiledPolicy } from '../../../operator/policy/snapshot.ts';
import { createFakeClock, type FakeClock, settle, until } from '../../fixtures/fake-clock.ts';

const policy = { namespace: 'team-a', name: 'x', verifier: { mode: 'OIDC' } } as CompiledPolicy;
const proxied = { ...policy, upstream: {} } as CompiledPolicy;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

let clock: FakeClock;
let server: Server;
let client: Socket;
let answer = '';
let serve: (exchange: FollowedExchange, response: ServerResponse) => void;
const told: unknown[][] = [];
const records: ExchangeRecord[] = [];

beforeEach(async () => {
  clock = createFakeClock();
  told.length = 0;
  records.length = 0;
  answer = '';
  server = createServer((request, response) => {
    const { method = '', url: target = '', rawHeaders } = request;
    const observer = {
      onDecision: (...args: unknown[]) => void told.push(['decision', ...args]),
      onAnswer: (...args: unknown[]) => void told.push(['answer', ...args]),
      onEnd: (record: ExchangeRecord) => void records.push(record),
    };
    serve(followExchange({ head: { method, target, rawHeaders }, response, clock, observer }), response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function send(...headers: readonly string[]): void {
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  client.on('error', () => undefined);
  client.write(
    `GET /a?token=secret HTTP/1.1\r\nHost: a\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`,
  );
}

test('a refusal is over with its head, whenever the client takes it', async () => {
  serve = (exchange, response) => {
    clock.advance(3);
    exchange.settle('token_expired', policy);
    response.writeHead(401);
    // Not ended: nothing may wait for that.
  };
  send();
  await until(() => records.length > 0);
  expect(told).toEqual([['decision', 'token_expired', policy, 0.003]]);
  expect(records).toEqual([
    {
      reason: 'token_expired',
      policy: 'team-a/x',
      method: 'GET',
      status: 401,
      decisionSeconds: 0.003,
      headSeconds: 0.003,
      seconds: 0.003,
      isCut: false,
    },
  ]);
});

test('an admitted stream: the decision, the head and the end are told when they happen', async () => {
  let response: ServerResponse | undefined;
  serve = (exchange, given) => {
    response = given;
    clock.advance(2);
    exchange.noteDecision();
    clock.advance(8);
    exchange.noteCall(callOfBody({ method: 'tools/call', name: 'search' }));
    exchange.settle('admitted', proxied);
    clock.advance(40);
    response.write('begun');
  };
  send(`traceparent: 00-${traceId}-00f067aa0ba902b7-01`, 'Mcp-Method: ping');
  await until(() => answer.includes('begun'));
  expect(told).toEqual([
    ['decision', 'admitted', proxied, 0.002],
    ['answer', 'upstream', 200, 0.05],
  ]);
  expect(records).toEqual([]);
  clock.advance(3_600_000);
  response?.end();
  await until(() => records.length > 0);
  expect(records).toEqual([
    {
      reason: 'admitted',
      policy: 'team-a/x',
      method: 'GET',
      call: { rpcMethod: 'tools/call', tool: 'search', toldBy: 'body' },
      status: 200,
      decisionSeconds: 0.002,
      headSeconds: 0.05,
      seconds: 3600.05,
      traceId,
      isCut: false,
    },
  ]);
});

test('what was let in can still be refused, until its answer begins; it is one decision', async () => {
  serve = (exchange, response) => {
    clock.advance(2);
    exchange.settle('admitted', proxied);
    clock.advance(3);
    exchange.settle('overloaded', proxied);
    response.writeHead(503).end('later');
  };
  send();
  await until(() => records.length > 0);
  expect(told).toEqual([['decision', 'overloaded', proxied, 0.002]]);
  expect(records).toMatchObject([
    { reason: 'overloaded', status: 503, decisionSeconds: 0.002, headSeconds: 0.005, isCut: false },
  ]);
});

test('a body that nobody has read is what the headers say', async () => {
  serve = (exchange, response) => {
    exchange.settle('admitted', policy);
    response.end();
  };
  send('Mcp-Method: tools/call', 'Mcp-Name: search');
  await until(() => records.length > 0);
  expect(told.at(-1)?.slice(0, 2)).toEqual(['answer', 'builtin']);
  expect(records[0]?.call).toEqual({ rpcMethod: 'tools/call', tool: 'search', toldBy: 'headers' });
});

test('an answer that we end early, or that its client leaves, is cut', async () => {
  let response: ServerResponse | undefined;
  serve = (exchange, given) => {
    response = given;
    exchange.settle('admitted', policy);
    response.write('begun');
  };
  send();
  await until(() => answer.includes('begun'));
  response?.destroy();
  await until(() => records.length === 1);
  answer = '';
  send();
  await until(() => answer.includes('begun'));
  client.destroy();
  await until(() => records.length === 2);
  expect(records.map(({ isCut, status }) => [isCut, status])).toEqual([
    [true, 200],
    [true, 200],
  ]);
});

test('a client that leaves before the answer: no status, and no time of an answer', async () => {
  let finish: (() => void) | undefined;
  let hasLeft = false;
  serve = (exchange, response) => {
    response.once('close', () => {
      hasLeft = true;
    });
    finish = () => {
      exchange.settle('admitted', policy);
      response.writeHead(200).end('too late');
    };
  };
  send();
  await until(() => finish !== undefined);
  client.destroy();
  await until(() => hasLeft);
  finish?.();
  await until(() => records.length > 0);
  await settle();
  expect(told.map(([what]) => what)).toEqual(['decision']);
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({ reason: 'admitted', isCut: true });
  expect(records[0]).not.toHaveProperty('status');
  expect(records[0]).not.toHaveProperty('headSeconds');
});

test('a request on which nobody has decided has no record', async () => {
  serve = (_, response) => void response.writeHead(500).end('bug');
  send();
  await until(() => answer.includes('bug'));
  await settle();
  expect([told, records]).toEqual([[], []]);
});

test('of a request only what is named goes into the record', async () => {
  serve = (exchange, response) => {
    exchange.noteCall(callOfBody({ method: 'resources/read', name: 'https://a/?key=canary-uri' }));
    exchange.settle('scope_insufficient', policy);
    response.writeHead(403, { 'www-authenticate': 'canary-challenge' }).end('canary-body');
  };
  send(
    'Authorization: Bearer canary-token',
    'Cookie: canary-cookie',
    'Mcp-Session-Id: canary-session',
    'Mcp-Param-Region: canary-param',
    'traceparent: 00-canary-trace',
    'tracestate: canary=1',
  );
  await until(() => records.length > 0);
  expect(JSON.stringify(records)).not.toMatch(/canary|secret/);
});
