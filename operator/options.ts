import { parseArgs } from 'node:util';
import { isNamespaceName } from './api/kubernetes-object.ts';
import type { Address } from './http/listener.ts';
import { type LogFormat, type LogLevel, logFormats, logLevels } from './telemetry/log.ts';

/** A mistake in how the program was called. The message names what to change. */
export class UsageError extends Error {}

/** What `run` and `serve` share. */
export interface EndpointOptions {
  readonly configFile?: string;
  readonly publicURL?: string;
  readonly listen: Address;
  readonly adminListen: Address;
  readonly tlsFiles?: { readonly cert: string; readonly key: string };
  /** Directory of the keys that sign assertions for upstreams. */
  readonly assertionKeys?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export interface RunOptions extends EndpointOptions {
  readonly command: 'run';
  readonly kubeconfig?: string;
  /** Where this replica runs. */
  readonly podNamespace?: string;
  readonly podName?: string;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
}

export interface ServeOptions extends EndpointOptions {
  readonly command: 'serve';
  readonly policies: string;
  /** The API server that reviews tokens. */
  readonly kubeconfig?: string;
  /** Where the operator's ServiceAccount is. */
  readonly podNamespace?: string;
}

export interface CompileOptions {
  readonly command: 'compile';
  /** A file, a folder, or `-` for standard input. */
  readonly path: string;
  readonly output: 'yaml' | 'json';
  readonly configFile?: string;
  readonly publicURL?: string;
}

export interface ConfigCheckOptions {
  readonly command: 'config check';
  /** A file, or `-` for standard input. */
  readonly path: string;
  readonly publicURL?: string;
}

export type Options =
  | RunOptions
  | ServeOptions
  | CompileOptions
  | ConfigCheckOptions
  | { readonly command: 'version' }
  | { readonly command: 'help' };

type Flags = Readonly<Record<string, string | undefined>>;

const sharedFlags = [
  'config',
  'public-url',
  'listen',
  'admin-listen',
  'tls-cert',
  'tls-key',
  'assertion-keys',
  'log-level',
  'log-format',
];

/** Flags of each command. Each can also be set in the environment, see {@link readFlags}. */
const flagsOf: Readonly<Record<string, readonly string[]>> = {
  run: [...sharedFlags, 'kubeconfig', 'namespaces', 'pod-name', 'pod-namespace'],
  serve: [...sharedFlags, 'policies', 'kubeconfig', 'pod-namespace'],
  compile: ['filename', 'output', 'config', 'public-url'],
  'config check': ['filename', 'public-url'],
  version: [],
};

const shortNames: Readonly<Record<string, string>> = { filename: 'f', output: 'o' };

export const usage = `Usage: mcp-auth-operator <command> [flags]

Commands:
  run                    operator against a cluster
    --kubeconfig FILE      default: the service account of the pod, else the usual kubeconfig
    --namespaces A,B       watch only these namespaces (default: all)
    --pod-namespace NAME   namespace of this replica, its Leases and its ServiceAccount mcp-auth-operator; without it there
                           is one replica only, which leads
    --pod-name NAME        name of this replica (default: the machine's name)
  serve                  operator against a folder of manifests, without a cluster
    --policies DIR         the folder (required)
    --kubeconfig FILE      API server for mode TokenReview and clusterIssuer
    --pod-namespace NAME   namespace of the operator's ServiceAccount mcp-auth-operator there
  compile                print snapshot, findings and conditions of manifests; no network
    -f, --filename PATH    a file, a folder, or - for standard input (required)
    -o, --output FORMAT    yaml (default) or json
  config check           judge an administrator's configuration; exit code 2 when it is bad
    -f, --filename FILE    the file, or - for standard input (required)
    --public-url URL       judge it with this publicURL
  version                print version, revision and Node version

Flags of run, serve and compile:
  --config FILE          administrator's configuration
  --public-url URL       wins over publicURL in the configuration

Flags of run and serve:
  --listen HOST:PORT        public port (run: :8080, serve: 127.0.0.1:8080)
  --admin-listen HOST:PORT  health, metrics, statuses (run: :9090, serve: 127.0.0.1:9090)
  --tls-cert FILE --tls-key FILE  serve the public port with TLS
  --assertion-keys DIR      current.pem signs what upstreams are told of callers; other *.pem files there are published only
  --log-level LEVEL         ${logLevels.join(', ')} (default info)
  --log-format FORMAT       ${logFormats.join(', ')} (run: json, serve: text)

Each flag can also be set as MCP_AUTH_<FLAG>, for example MCP_AUTH_PUBLIC_URL.
`;

/**
 * Reads the command line and the environment into one frozen value.
 *
 * @throws UsageError
 */
export function readOptions(args: readonly string[], environment: Flags): Options {
  const [command, rest] = splitCommand(args);
  if (['help', '--help', '-h'].includes(command) || rest.includes('--help') || rest.includes('-h')) {
    return { command: 'help' };
  }
  if (command === '--version') return { command: 'version' };
  const names = Object.hasOwn(flagsOf, command) ? flagsOf[command] : undefined;
  if (names === undefined) {
    throw new UsageError(`unknown command ${command}: use one of ${Object.keys(flagsOf).join(', ')}`);
  }
  return Object.freeze(toOptions(command, readFlags(command, names, rest, environment)));
}

/** A command is one word, or two. */
function splitCommand(args: readonly string[]): readonly [command: string, rest: readonly string[]] {
  const twoWords = args.slice(0, 2).join(' ');
  if (Object.hasOwn(flagsOf, twoWords)) return [twoWords, args.slice(2)];
  const [command = 'help', ...rest] = args;
  return [command, rest];
}

/** A flag wins over its variable `MCP_AUTH_<FLAG>`. */
function readFlags(
  command: string,
  names: readonly string[],
  args: readonly string[],
  environment: Flags,
): Flags {
  const options = Object.fromEntries(
    names.map((name) => [
      name,
      { type: 'string' as const, ...(shortNames[name] ? { short: shortNames[name] } : {}) },
    ]),
  );
  let given: Flags;
  try {
    given = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values as Flags;
  } catch (error) {
    throw new UsageError(`${command}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return Object.fromEntries(names.map((name) => [name, given[name] ?? environment[variableOf(name)]]));
}

function variableOf(flag: string): string {
  return `MCP_AUTH_${flag.toUpperCase().replaceAll('-', '_')}`;
}

function toOptions(command: string, flags: Flags): Options {
  switch (command) {
    case 'run':
      return {
        command,
        ...optional('kubeconfig', flags.kubeconfig),
        ...optional('podNamespace', readNamespace('--pod-namespace', flags['pod-namespace'])),
        ...optional('podName', flags['pod-name']),
        namespaces: readNamespaces(flags.namespaces ?? ''),
        ...endpointOptions(flags, { host: '', logFormat: 'json' }),
      };
    case 'serve':
      return {
        command,
        policies: need(flags.policies, '--policies DIR'),
        ...optional('kubeconfig', flags.kubeconfig),
        ...optional('podNamespace', readNamespace('--pod-namespace', flags['pod-namespace'])),
        ...endpointOptions(flags, { host: '127.0.0.1', logFormat: 'text' }),
      };
    case 'compile':
      return {
        command,
        path: need(flags.filename, '-f PATH'),
        output: oneOf('--output', flags.output ?? 'yaml', ['yaml', 'json']),
        ...optional('configFile', flags.config),
        ...optional('publicURL', flags['public-url']),
      };
    case 'config check':
      return {
        command,
        path: need(flags.filename, '-f FILE'),
        ...optional('publicURL', flags['public-url']),
      };
    default:
      return { command: 'version' };
  }
}

function endpointOptions(flags: Flags, defaults: { host: string; logFormat: LogFormat }): EndpointOptions {
  const { 'tls-cert': cert, 'tls-key': key } = flags;
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--tls-cert and --tls-key go together');
  return {
    ...optional('configFile', flags.config),
    ...optional('publicURL', flags['public-url']),
    listen: readAddress('--listen', flags.listen ?? `${defaults.host}:8080`),
    adminListen: readAddress('--admin-listen', flags['admin-listen'] ?? `${defaults.host}:9090`),
    ...(cert === undefined || key === undefined ? {} : { tlsFiles: { cert, key } }),
    ...optional('assertionKeys', flags['assertion-keys']),
    logLevel: oneOf('--log-level', flags['log-level'] ?? 'info', logLevels),
    logFormat: oneOf('--log-format', flags['log-format'] ?? defaults.logFormat, logFormats),
  };
}

function readNamespace(flag: string, name: string | undefined): string | undefined {
  if (name === undefined || isNamespaceName(name)) return name;
  throw new UsageError(`${flag}: ${JSON.stringify(name)} is no name of a namespace`);
}

/** Empty for all. Nothing that a typing error leaves empty may come to mean all. */
function readNamespaces(text: string): readonly string[] {
  if (text === '') return [];
  const names = text.split(',');
  const bad = names.find((name) => !isNamespaceName(name));
  if (bad === undefined) return [...new Set(names)];
  throw new UsageError(
    `--namespaces: ${JSON.stringify(bad)} is no name of a namespace: use names with commas between, without spaces`,
  );
}

/** `HOST:PORT`, `:PORT` for all addresses, `[v6]:PORT`. */
function readAddress(flag: string, text: string): Address {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw new UsageError(
      `${flag} ${text}: use HOST:PORT or :PORT, with a port from 0 to 65535 (0: any that is free)`,
    );
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

function oneOf<T extends string>(flag: string, value: string, values: readonly T[]): T {
  const found = values.find((known) => known === value);
  if (found === undefined) throw new UsageError(`${flag} ${value}: use one of ${values.join(', ')}`);
  return found;
}

function need(value: string | undefined, flag: string): string {
  if (value === undefined || value === '') throw new UsageError(`${flag} is required`);
  return value;
}

function optional<K extends string>(name: K, value: string | undefined): { readonly [N in K]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: string };
}
