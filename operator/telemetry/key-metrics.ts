import { Counter, Gauge, type Registry } from 'prom-client';

/** What is held of the issuers. */
export interface KeyMetrics {
  /** Counts an attempt to load the keys of one source that has ended. */
  countFetch(result: KeyFetchResult): void;
  /** Asks at each scrape how many sources are in each state. */
  follow(count: () => Readonly<Record<KeySourceCondition, number>>): void;
}

const keySourceConditions = ['held', 'stale', 'failed', 'pending'] as const;
/** `held`: keys that may be used. Without any: `stale` when those there were are too old, `failed`, or `pending`. */
export type KeySourceCondition = (typeof keySourceConditions)[number];

/** `loaded`, or the reason that a status shows. */
const keyFetchResults = [
  'loaded',
  'AddressNotAllowed',
  'DNSFailure',
  'Forbidden',
  'HTTPError',
  'InvalidDocument',
  'IssuerMismatch',
  'NoUsableKeys',
  'TLSFailure',
  'Timeout',
  'TooLarge',
] as const;
export type KeyFetchResult = (typeof keyFetchResults)[number];

export function createKeyMetrics(registry: Registry): KeyMetrics {
  const registers = [registry];
  let countConditions = (): Readonly<Record<KeySourceCondition, number>> => ({
    held: 0,
    stale: 0,
    failed: 0,
    pending: 0,
  });
  const fetches = new Counter({
    name: 'mcp_auth_key_fetches_total',
    help: 'Attempts to load the keys of a source, metadata included, by how they ended.',
    labelNames: ['result'],
    registers,
  });
  for (const result of keyFetchResults) fetches.inc({ result }, 0);
  new Gauge({
    name: 'mcp_auth_key_sources',
    help: 'Key sources of enforced policies, by whether keys are held that may be used, and if not, why.',
    labelNames: ['state'],
    registers,
    collect() {
      const counts = countConditions();
      for (const state of keySourceConditions) this.set({ state }, counts[state]);
    },
  });
  return {
    countFetch: (result) => fetches.inc({ result }),
    follow(count) {
      countConditions = count;
    },
  };
}
