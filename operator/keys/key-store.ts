import type { KeySourceConfig } from '../policy/verifier-config.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import type { FindKeySource, KeySource } from './key-source.ts';
import { createDocumentFetcher, type FetchDocument } from './outbound.ts';
import { startRemoteKeySource } from './remote-key-source.ts';
import { createStaticKeySource } from './static-key-source.ts';
import { createTurns } from './turns.ts';

export interface KeyStore {
  readonly find: FindKeySource;
  /** Starts the sources that are new and closes those that are not named any more. The same id is the same source. */
  retain(configs: Iterable<KeySourceConfig>): void;
  close(): void;
}

export interface KeyStoreParts {
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly refreshSeconds: number;
  /** Called when something that a status can show has changed in any source. */
  readonly onChange: () => void;
  readonly fetchDocument?: FetchDocument;
  readonly log?: Logger;
}

/** First attempts under way at the same time: a restart with a thousand issuers must not open a thousand connections. */
const firstAttempts = 16;
/** After this an attempt does not count any more: slow issuers must not keep the others waiting. */
const turnMs = 5_000;

interface Held {
  readonly source: KeySource;
  readonly close: () => void;
}

/** The only memory of the process: key sources by the digest of everything that decides whether they can be trusted. */
export function createKeyStore(parts: KeyStoreParts): KeyStore {
  const { clock } = parts;
  const { fetchDocument = createDocumentFetcher({ clock }) } = parts;
  const takeTurn = createTurns(firstAttempts, turnMs, clock);
  let held = new Map<string, Held>();

  function start(config: KeySourceConfig): Held {
    if (config.kind === 'static') return { source: createStaticKeySource(config), close: () => undefined };
    const source = startRemoteKeySource(config, { ...parts, fetchDocument, takeTurn });
    return { source, close: source.close };
  }

  function retain(configs: Iterable<KeySourceConfig>): void {
    const before = held;
    held = new Map();
    for (const config of configs) {
      const { id } = config;
      if (!held.has(id)) held.set(id, before.get(id) ?? start(config));
    }
    for (const [id, { close }] of before) if (!held.has(id)) close();
  }

  return { find: (id) => held.get(id)?.source, retain, close: () => retain([]) };
}
