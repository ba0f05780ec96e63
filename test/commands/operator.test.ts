import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Operator, startOperator } from '../../operator/commands/operator.ts';
import { readConfiguration } from '../../operator/commands/read-configuration.ts';
import type { SourceInputs } from '../../operator/policy/inputs.ts';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { createFakeClock, type FakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const head = 'apiVersion: mcpauth.dev/v1alpha1\nkind: OperatorConfiguration\n';
const withURL = (publicURL: string): string => `${head}publicURL: ${publicURL}\n`;

/** A policy that is denied, so that nobody is asked for keys. */
const delivery: SourceInputs = {
  policies: [
    {
      object: {
        apiVersion: 'mcpauth.dev/v1alpha1',
        kind: 'McpAuthPolicy',
        metadata: { namespace: 'a', name: 'x' },
        spec: { issuer: 'http://not-https.example.com', audience: 'a', mode: 'OIDC' },
      },
    },
  ],
  configMaps: new Map(),
  services: new Map(),
  serviceAddresses: 'only',
};

let folder: string;
let file: string;
let clock: FakeClock;
let log: ReturnType<typeof recordLog>;
let operator: Operator;
/** Resources of the statuses that would be written. */
let statuses: unknown[];
/** Of the last statuses told, by policy: whether they were only told again. */
let retold: Record<string, boolean>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-auth-operator-'));
  file = join(folder, 'operator.yaml');
  writeFileSync(file, withURL('https://first.example.com'));
  clock = createFakeClock();
  log = recordLog();
  statuses = [];
  retold = {};
  const options = {
    configFile: file,
    listen: { host: '127.0.0.1', port: 0 },
    adminListen: { host: '127.0.0.1', port: 0 },
    logLevel: 'info',
    logFormat: 'text',
  } as const;
  operator = await startOperator({
    options,
    configuration: await readConfiguration(options),
    clock,
    log,
    metrics: createMetrics('test'),
    isAuthor: () => true,
    onEnforced: (enforced) => operator.seeReplicas([enforced]),
    onStatus: ({ metadata }, status, { isNew, isRetold }) => {
      retold[metadata.name] = isRetold;
      if (isNew) statuses.push(status.resource);
    },
  });
  await untilLooked();
});

afterEach(async () => {
  await operator.stop(false);
  rmSync(folder, { recursive: true, force: true });
});

/** A look has ended when the next one waits for the clock. */
async function untilLooked(): Promise<void> {
  await until(() => clock.pending().includes(1_000));
}

async function edit(text: string): Promise<void> {
  writeFileSync(file, text);
  for (let looks = 0; looks < 4; looks += 1) {
    clock.advance(1_000);
    await untilLooked();
  }
}

const snapshots = (): number => log.lines.filter(({ message }) => message === 'snapshot in force').length;

/** A replica that enforces something else. */
const another = { snapshot: 'another', settings: '', groups: '' };

test('another configuration puts the last delivery in force again', async () => {
  operator.update(delivery);
  clock.advance(0);
  expect(statuses).toEqual(['https://first.example.com/a/x/mcp']);
  await edit(withURL('https://second.example.com'));
  expect(statuses).toEqual(['https://first.example.com/a/x/mcp', 'https://second.example.com/a/x/mcp']);
  expect(snapshots()).toBe(2);
});

test('before the first delivery it is held', async () => {
  await edit(withURL('https://second.example.com'));
  expect(snapshots()).toBe(0);
  operator.update(delivery);
  clock.advance(0);
  expect(statuses).toEqual(['https://second.example.com/a/x/mcp']);
});

test('comments change neither what is in force nor a status; a bad edit neither', async () => {
  operator.update(delivery);
  clock.advance(0);
  await edit(`# a comment\n${withURL('https://first.example.com')}`);
  await edit(withURL('http://second.example.com'));
  expect(snapshots()).toBe(1);
  expect(statuses).toHaveLength(1);
  expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
});

test('what may not be meant is said at the start and after an edit', async () => {
  const warnings = () => log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.field);
  expect(warnings()).toEqual([]);
  await edit(head);
  expect(warnings()).toEqual(['publicURL']);
});

test('behind a balancer it serves on for a while, not ready any more, and then stops to accept', async () => {
  operator.update(delivery);
  clock.advance(0);
  const [ready, resource] = [
    `http://127.0.0.1:${operator.adminAddress.port}/readyz`,
    `http://127.0.0.1:${operator.publicAddress.port}/a/x/mcp`,
  ];
  expect((await fetch(ready)).status).toBe(200);
  const stopped = operator.stop(true);
  expect((await fetch(ready)).status).toBe(503);
  // The Host is none of those that are configured: an answer all the same.
  expect((await fetch(resource)).status).toBe(421);
  clock.advance(5_000);
  await stopped;
  await expect(fetch(resource)).rejects.toThrow();
});

test('how long that takes is what the configuration says when the time comes', async () => {
  await edit(`${withURL('https://first.example.com')}intervals: { lameDuck: 0s }\n`);
  const stopped = operator.stop(true);
  clock.advance(0);
  await stopped;
  await expect(fetch(`http://127.0.0.1:${operator.publicAddress.port}/`)).rejects.toThrow();
});

test('replicas that are heard of before the policies do not make it ready', async () => {
  const ready = `http://127.0.0.1:${operator.adminAddress.port}/readyz`;
  operator.seeReplicas([another]);
  clock.advance(0);
  expect((await fetch(ready)).status).toBe(503);
  operator.update(delivery);
  clock.advance(0);
  expect((await fetch(ready)).status).toBe(200);
});

/** Asks the public port by the name that is configured; resolves with the status. */
function ask(target: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port } = operator.publicAddress;
    const host = { host: 'first.example.com' };
    get({ host: '127.0.0.1', port, path: target, headers: { ...host, ...headers } }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    }).on('error', reject);
  });
}

const accessLines = () =>
  log.lines.filter(({ message }) => message === 'access').map(({ fields }) => fields.reason);

test('how many of what is let in have a line in the access log is what the configuration says', async () => {
  operator.update(delivery);
  const metadata = '/.well-known/oauth-protected-resource/a/x/mcp';
  const withAccess = (oneIn: number): string =>
    `${withURL('https://first.example.com')}accessLog: { admittedOneIn: ${oneIn} }\n`;
  await edit(withAccess(1));
  await ask(metadata);
  expect(accessLines()).toEqual(['metadata']);
  await edit(withAccess(0));
  await ask(metadata);
  expect(accessLines()).toEqual(['metadata']);
});

test('nothing that a caller sends is in the log but what its page lists', async () => {
  operator.update(delivery);
  const canaries = { authorization: 'Bearer canary', cookie: 'canary', tracestate: 'canary=1' };
  expect(await ask('/a/x/mcp?access_token=canary', { ...canaries, 'mcp-method': 'ping' })).toBe(503);
  expect(await ask('/canary')).toBe(404);
  expect(accessLines()).toEqual(['policy_denies', 'path_not_found']);
  expect(JSON.stringify(log.lines)).not.toContain('canary');
});

test('what the first delivery brings is only told again, what comes later is news, until all is told anew', () => {
  operator.seeReplicas([another]);
  clock.advance(0);
  operator.update(delivery);
  clock.advance(0);
  const policies = ['x', 'y'].map((name) => ({
    object: {
      ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata: { namespace: 'a', name } },
      spec: { issuer: 'http://not-https.example.com', audience: 'a', mode: 'OIDC' },
    },
  }));
  operator.update({ ...delivery, policies });
  clock.advance(0);
  expect(retold).toEqual({ x: true, y: false });
  operator.tellStatuses();
  clock.advance(0);
  expect(retold).toEqual({ x: true, y: true });
});
