import { objectKey } from '../../operator/api/kubernetes-object.ts';
import type { McpAuthPolicyStatus } from '../../operator/api/mcp-auth-policy.gen.ts';
import { coalesce } from '../../operator/commands/coalesce.ts';
import { createReadiness } from '../../operator/commands/readiness.ts';
import { createEnforcement } from '../../operator/enforcement/enforcement.ts';
import { createSelfTestSchedule } from '../../operator/enforcement/self-test-schedule.ts';
import { createStatusBoard } from '../../operator/enforcement/status-board.ts';
import { createGate } from '../../operator/http/gate/gate.ts';
import { createKeyStore } from '../../operator/keys/key-store.ts';
import { createDocumentFetcher } from '../../operator/keys/outbound.ts';
import type { ResolveHost } from '../../operator/keys/resolve-host.ts';
import { noCluster, type SourcePolicy } from '../../operator/policy/inputs.ts';
import { type OperatorConfiguration, secondsOf } from '../../operator/policy/operator-configuration.ts';
import { createSelfTest } from '../../operator/self-test/self-test.ts';
import { createTokenVerifier } from '../../operator/verify/verify-token.ts';
import type { FakeClock } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

/** By `namespace/name`. */
export type ByName<T> = Readonly<Record<string, T>>;

/** What a caller was told: `admitted`, or status and reason such as `401 token_expired`. */
export interface Told {
  readonly outcome: string;
  /** Of a 503. */
  readonly retryAfterSeconds?: number;
}

/** One replica of the operator from manifests to answers, all real but its time and its resolver, without a listener. */
export interface Replica {
  /** Puts all specs in force, the oldest first; `configMaps` hold their data. */
  apply(specs: ByName<object>, configMaps: ByName<ByName<string>>): void;
  /** Sends a token to a resource. */
  ask(resource: string, token: string): Promise<Told>;
  /** The reason of each condition in the policy's status. */
  reasons(policy: string): ByName<string>;
  /** What `IssuerReady` has said so far, each reason that followed another; that it is too early to say is left out. */
  history(policy: string): readonly string[];
  isReady(): boolean;
  /** Fetches and self-tests under way. */
  underWay(): number;
  /** What the log calls an error: bugs. */
  bugs(): readonly string[];
  close(): void;
}

export interface ReplicaParts {
  readonly clock: FakeClock;
  readonly configuration: OperatorConfiguration;
  readonly resolve: ResolveHost;
}

/** Replicas that are given the same manifests. */
export interface Fleet {
  /** Starts one more, with what the others have. */
  start(parts: ReplicaParts): Replica;
  /** Adds policies to those that are in force, or replaces them. */
  apply(specs: ByName<object>): void;
  setConfigMap(name: string, data: ByName<string>): void;
  underWay(): number;
  bugs(): readonly string[];
  close(): void;
}

export function createFleet(configMaps: ByName<ByName<string>>): Fleet {
  const replicas: Replica[] = [];
  const given = { specs: {} as ByName<object>, configMaps };
  const giveAll = (): void => {
    for (const replica of replicas) replica.apply(given.specs, given.configMaps);
  };
  return {
    start(parts) {
      const replica = startReplica(parts);
      replicas.push(replica);
      replica.apply(given.specs, given.configMaps);
      return replica;
    },
    apply(specs) {
      given.specs = { ...given.specs, ...specs };
      giveAll();
    },
    setConfigMap(name, data) {
      given.configMaps = { ...given.configMaps, [name]: data };
      giveAll();
    },
    underWay: () => replicas.reduce((total, replica) => total + replica.underWay(), 0),
    bugs: () => replicas.flatMap((replica) => replica.bugs()),
    close() {
      for (const replica of replicas) replica.close();
    },
  };
}

/** The wiring of `startOperator`, once more for a clock and a resolver that are held. */
function startReplica({ clock, configuration, resolve }: ReplicaParts): Replica {
  const log = recordLog();
  const { count, countWhile } = createCounter();
  const history = new Map<string, string[]>();
  let policies: readonly SourcePolicy[] = [];

  const board = createStatusBoard({
    clock,
    operatorVersion: 'test',
    isAuthor: () => true,
    onStatus: () => undefined,
    onBug: (policy, error) => log.error('computing a status failed', { policy, error: String(error) }),
  });
  const readiness = createReadiness(clock);
  const report = coalesce(clock, () => {
    const reports = enforcement.reports();
    board.update(
      policies.map(({ object }) => object),
      reports,
    );
    readiness.note(reports);
    for (const { metadata, status } of board.list()) note(objectKey(metadata), reasonsOf(status).IssuerReady);
  });
  const note = (policy: string, reason: string | undefined): void => {
    const said = history.get(policy) ?? [];
    const isNews = reason !== undefined && reason !== 'Pending' && reason !== said.at(-1);
    if (isNews) history.set(policy, [...said, reason]);
  };
  const keyStore = createKeyStore({
    clock,
    log,
    // The middle: refreshes come exactly when they should.
    random: () => 0.5,
    refreshSeconds: secondsOf(configuration.intervals.keyRefresh),
    onChange: report,
    fetchDocument: countWhile(createDocumentFetcher({ clock, resolve })),
  });
  const selfTests = createSelfTestSchedule({
    selfTest: countWhile(createSelfTest({ clock })),
    clock,
    random: () => 0,
    onOutcome: report,
  });
  const enforcement = createEnforcement({
    keyStore,
    selfTests,
    callersOf: () => undefined,
    hasReachedAll: () => true,
    operatorVersion: 'test',
    onSnapshot: () => undefined,
    onReports: report,
  });
  const gate = createGate(createTokenVerifier({ findKeySource: keyStore.find, clock }));

  return {
    apply(specs, configMaps) {
      policies = Object.entries(specs).map(([key, spec], age) => ({ object: manifest(key, spec, age) }));
      enforcement.apply({
        policies,
        configMaps: new Map(Object.entries(configMaps).map(([key, data]) => [key, { data }])),
        services: new Map(),
        serviceAddresses: 'unused',
        configuration,
        cluster: noCluster,
      });
    },
    async ask(resource, token) {
      const snapshot = enforcement.currentSnapshot();
      if (snapshot === undefined) return { outcome: '503 not_ready' };
      const { host, pathname } = new URL(resource);
      const rawHeaders = ['Host', host, 'Authorization', `Bearer ${token}`];
      const decision = await gate({ method: 'POST', target: pathname, rawHeaders }, snapshot);
      if (decision.kind === 'admit') return { outcome: 'admitted' };
      const { status, headers } = decision.answer;
      const retryAfter = headers['retry-after'];
      return {
        outcome: `${status} ${decision.reason}`,
        ...(retryAfter === undefined ? {} : { retryAfterSeconds: Number(retryAfter) }),
      };
    },
    reasons: (policy) =>
      reasonsOf(board.list().find(({ metadata }) => objectKey(metadata) === policy)?.status),
    history: (policy) => history.get(policy) ?? [],
    isReady: readiness.isReady,
    underWay: count,
    bugs: () => log.lines.filter(({ level }) => level === 'error').map((line) => JSON.stringify(line)),
    close: () => keyStore.close(),
  };
}

function reasonsOf(status: McpAuthPolicyStatus | undefined): ByName<string> {
  return Object.fromEntries(status?.conditions?.map(({ type, reason }) => [type, reason]) ?? []);
}

/** @param age - how many policies are older. */
export function manifest(key: string, spec: object, age = 0): SourcePolicy['object'] {
  const [namespace = '', name = ''] = key.split('/');
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1, 0, 0, age)).toISOString();
  return {
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'McpAuthPolicy',
    metadata: { namespace, name, generation: 1, uid: key, creationTimestamp },
    spec,
  };
}

/** Knows how many calls of some functions have not ended. */
function createCounter() {
  let running = 0;
  return {
    count: () => running,
    countWhile:
      <In, Out>(run: (input: In) => Promise<Out>) =>
      async (input: In): Promise<Out> => {
        running += 1;
        try {
          return await run(input);
        } finally {
          running -= 1;
        }
      },
  };
}
