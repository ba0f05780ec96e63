import { describe, expect, test } from 'vitest';
import { readOptions, UsageError } from '../operator/options.ts';

test('run, with defaults', () => {
  expect(readOptions(['run'], {})).toEqual({
    command: 'run',
    namespaces: [],
    listen: { host: '', port: 8080 },
    adminListen: { host: '', port: 9090 },
    logLevel: 'info',
    logFormat: 'json',
  });
});

test('serve, with defaults', () => {
  expect(readOptions(['serve', '--policies', 'dir'], {})).toEqual({
    command: 'serve',
    policies: 'dir',
    listen: { host: '127.0.0.1', port: 8080 },
    adminListen: { host: '127.0.0.1', port: 9090 },
    logLevel: 'info',
    logFormat: 'text',
  });
});

test('every flag', () => {
  const args =
    'run --kubeconfig k --namespaces a,b --config c --public-url https://x --listen [::1]:1 --admin-listen h:2';
  const more =
    '--tls-cert t --tls-key u --assertion-keys v --log-level debug --log-format text --pod-name p --pod-namespace q';
  expect(readOptions(`${args} ${more}`.split(' '), {})).toEqual({
    command: 'run',
    kubeconfig: 'k',
    podNamespace: 'q',
    podName: 'p',
    namespaces: ['a', 'b'],
    configFile: 'c',
    publicURL: 'https://x',
    listen: { host: '::1', port: 1 },
    adminListen: { host: 'h', port: 2 },
    tlsFiles: { cert: 't', key: 'u' },
    assertionKeys: 'v',
    logLevel: 'debug',
    logFormat: 'text',
  });
});

test('compile', () => {
  expect(readOptions(['compile', '-f', 'x', '-o', 'json'], {})).toEqual({
    command: 'compile',
    path: 'x',
    output: 'json',
  });
});

test('config check', () => {
  expect(readOptions(['config', 'check', '-f', '-', '--public-url', 'https://x'], {})).toEqual({
    command: 'config check',
    path: '-',
    publicURL: 'https://x',
  });
});

test('a namespace is watched once, however often it is named; an empty value means all', () => {
  expect(readOptions(['run', '--namespaces', 'b,a,b'], {})).toMatchObject({ namespaces: ['b', 'a'] });
  expect(readOptions(['run'], { MCP_AUTH_NAMESPACES: '' })).toMatchObject({ namespaces: [] });
});

test('the environment fills what flags leave open', () => {
  const environment = { MCP_AUTH_PUBLIC_URL: 'https://e', MCP_AUTH_LISTEN: ':1', MCP_AUTH_POLICIES: 'd' };
  const keys = { MCP_AUTH_ASSERTION_KEYS: 'k' };
  expect(readOptions(['serve', '--listen', ':2'], { ...environment, ...keys })).toMatchObject({
    assertionKeys: 'k',
    publicURL: 'https://e',
    policies: 'd',
    listen: { port: 2 },
  });
});

describe('wrong usage says what to change', () => {
  test.each([
    [['walk'], 'unknown command walk'],
    [['serve'], '--policies DIR is required'],
    [['compile'], '-f PATH is required'],
    [['config'], 'unknown command config: use one of run, serve, compile, config check, version'],
    [['config', 'chek'], 'unknown command config'],
    [['config', 'check'], '-f FILE is required'],
    [['config', 'check', '-f', 'x', '--config', 'y'], 'config check: '],
    [['constructor'], 'unknown command constructor'],
    [['run', '--namespaces', 'a,Team_B'], '--namespaces: "Team_B" is no name of a namespace'],
    [['run', '--namespaces', 'a, b'], '--namespaces: " b"'],
    [['run', '--pod-namespace', 'NOT/OK'], '--pod-namespace: "NOT/OK" is no name of a namespace'],
    [['run', '--namespaces', ','], '--namespaces: ""'],
    [['run', '--namespaces', `a,${'b'.repeat(64)}`], '--namespaces: "bbb'],
    [['run', '--polices', 'x'], '--polices'],
    [['run', 'extra'], 'extra'],
    [['run', '--listen', '8080'], '--listen 8080: use HOST:PORT'],
    [['run', '--listen', ':70000'], '--listen :70000: use HOST:PORT or :PORT, with a port from 0 to 65535'],
    [['run', '--tls-cert', 'x'], '--tls-cert and --tls-key go together'],
    [['run', '--log-level', 'loud'], '--log-level loud: use one of debug'],
    [['compile', '-f', 'x', '--assertion-keys', 'k'], '--assertion-keys'],
    [['compile', '-f', 'x', '-o', 'xml'], '--output xml: use one of yaml, json'],
  ])('%j', (args, message) => {
    expect(() => readOptions(args, {})).toThrow(UsageError);
    expect(() => readOptions(args, {})).toThrow(message);
  });
});

test.each([[[]], [['help']], [['--help']], [['run', '--help']], [['config', '--help']]])(
  '%j shows the usage',
  (args) => {
    expect(readOptions(args, {})).toEqual({ command: 'help' });
  },
);
