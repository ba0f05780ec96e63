import type { KeySourceConfig } from '../policy/verifier-config.ts';
import type { KeyMetrics, KeySourceCondition } from '../telemetry/key-metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { createPace } from '../time/pace.ts';
import { createTurns } from '../time/turns.ts';
import type { FindKeySource, KeySource, KeySourceState } from './key-source.ts';
import { createDocumentFetcher, type FetchClusterDocument, type FetchDocument } from './outbound.ts';
import { startRemoteKeySource } from './remote-key-source.ts';
import { createSharedTurn } from './shared-turn.ts';
import { createStaticKeySource } from './static-key-source.ts';

export interface KeyStore {
  readonly find: FindKeySource;
  /** Starts the sources that are new and closes those that are not named any more. The same id is the same source. */
  retain(wanted: Iterable<WantedKeySource>): void;
  /** Refreshes at another interval from now on: what is held, and what is started later. */
  setRefreshSeconds(seconds: number): void;
  close(): void;
}

export interface WantedKeySource {
  readonly config: KeySourceConfig;
  /**
   * The namespace that names it: namespaces take turns when many sources want to fetch at once. What several name begins
   * when it is the turn of any of them.
   */
  readonly owner: string;
}

export interface KeyStoreParts {
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly refreshSeconds: number;
  /** Called when something that a status can show has changed in any source. */
  readonly onChange: () => void;
  readonly fetchDocument?: FetchDocument;
  /** Absent without a cluster. */
  readonly fetchClusterDocument?: FetchClusterDocument;
  readonly log?: Logger;
  readonly metrics?: KeyMetrics;
}

/** Attempts under way at the same time: a restart with a thousand issuers must not open a thousand connections. */
const concurrency = 16;
/** After this an attempt does not count any more: slow issuers must not keep the others waiting. */
const turnMs = 5_000;
/** Attempts that the policies of one namespace may cause in a second: each costs everybody a little. */
const perSecond = 20;
const burst = 50;

interface Held {
  readonly source: KeySource;
  readonly setOwners: (owners: ReadonlySet<string>) => void;
  readonly setRefreshSeconds: (seconds: number) => void;
  readonly close: () => void;
}

/** Key sources by the digest of everything that decides whether they can be trusted. */
export function createKeyStore(parts: KeyStoreParts): KeyStore {
  const { clock } = parts;
  const { fetchDocument = createDocumentFetcher({ clock }) } = parts;
  const takeTurn = createTurns(concurrency, turnMs, clock);
  const pace = createPace(clock, perSecond, burst);
  let { refreshSeconds } = parts;
  let held = new Map<string, Held>();

  async function takePacedTurn(owner: string, signal?: AbortSignal): Promise<() => void> {
    await pace.wait(owner, signal);
    return await takeTurn(owner, signal);
  }

  function start(config: KeySourceConfig, owners: ReadonlySet<string>): Held {
    if (config.kind === 'static') {
      const nothing = (): void => undefined;
      const source = createStaticKeySource(config);
      return { source, setOwners: nothing, setRefreshSeconds: nothing, close: nothing };
    }
    const turn = createSharedTurn(takePacedTurn, owners);
    const source = startRemoteKeySource(config, {
      ...parts,
      refreshSeconds,
      fetchDocument,
      takeTurn: turn.take,
    });
    const { setRefreshSeconds, close } = source;
    return { source, setOwners: turn.setOwners, setRefreshSeconds, close };
  }

  function retain(wanted: Iterable<WantedKeySource>): void {
    const before = held;
    const next = byId(wanted);
    // First: what is closed must not take the turn of what is new.
    for (const [id, { close }] of before) if (!next.has(id)) close();
    held = new Map();
    for (const [id, { config, owners }] of next) {
      const known = before.get(id);
      known?.setOwners(owners);
      held.set(id, known ?? start(config, owners));
    }
  }

  function countConditions(): Readonly<Record<KeySourceCondition, number>> {
    const counts = { held: 0, stale: 0, failed: 0, pending: 0 };
    for (const { source } of held.values()) counts[conditionOf(source.state())] += 1;
    return counts;
  }

  parts.metrics?.follow(countConditions);
  return {
    find: (id) => held.get(id)?.source,
    retain,
    setRefreshSeconds(seconds) {
      refreshSeconds = seconds;
      for (const source of held.values()) source.setRefreshSeconds(seconds);
    },
    close: () => retain([]),
  };
}

interface Shared {
  readonly config: KeySourceConfig;
  readonly owners: ReadonlySet<string>;
}

function byId(wanted: Iterable<WantedKeySource>): ReadonlyMap<string, Shared> {
  const shared = new Map<string, { config: KeySourceConfig; owners: Set<string> }>();
  for (const { config, owner } of wanted) {
    const known = shared.get(config.id);
    if (known === undefined) shared.set(config.id, { config, owners: new Set([owner]) });
    else known.owners.add(owner);
  }
  return shared;
}

function conditionOf({ tried, keySet, failure }: KeySourceState): KeySourceCondition {
  if (keySet !== undefined) return 'held';
  if (failure === 'KeysStale') return 'stale';
  return tried ? 'failed' : 'pending';
}
