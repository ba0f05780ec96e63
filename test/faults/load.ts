import { setTimeout as delay } from 'node:timers/promises';
import { within } from './length.ts';

/** Who asks: with a good token, with a bad one, or with a good one of another tenant. */
export type Caller = 'good' | 'bad' | 'foreign';

/** A replica that gets its share of the load. */
export interface Target {
  readonly name: string;
  /** Where its copy of the resource is. */
  readonly url: string;
}

export interface LoadParts {
  /** The replicas that are asked now, as a balancer knows them; asked before each request. */
  readonly targets: () => readonly Target[];
  /** A token of this kind; asked for each request, so that it is never an old one. */
  readonly token: (caller: Caller) => string;
  /** All replicas together; 20 when left out. */
  readonly requestsPerSecond?: number;
  /** How often this replica has been killed or paused so far; never when left out. */
  readonly strikesAt?: (name: string) => number;
}

/** What became of requests. */
export interface Tally {
  readonly sent: number;
  /** How many got which answer, by `caller replica answer`, such as `good one 200`; without an answer the error's code. */
  readonly answers: ReadonlyMap<string, number>;
  /** Bad and foreign tokens that were let in, each as in `answers`. Must be empty whatever happens. */
  readonly wrongAccepts: readonly string[];
  /** Good tokens that were not let in, each as in `answers`. */
  readonly failedGood: readonly string[];
  /** Good requests without an answer that were under way at a replica when it was killed or paused. */
  readonly lostGood: readonly string[];
}

/** Requests at a steady rate until it is stopped. */
export interface Load {
  /** What became of the requests that have begun since the last time; waits for those that are under way. */
  take(): Promise<Tally>;
  stop(): Promise<void>;
}

const order: readonly Caller[] = ['good', 'bad', 'good', 'foreign'];
const requestTimeoutMs = within(5_000);
/** Replicas that hang must not pile up requests here; what is over is left out. */
const maxUnderWay = 200;
const body = JSON.stringify({
  ...{ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } },
});

export function startLoad({ targets, token, requestsPerSecond = 20, strikesAt = () => 0 }: LoadParts): Load {
  const underWay = new Set<Promise<void>>();
  let answers: string[] = [];
  let turn = 0;

  function send(): void {
    const among = targets();
    const target = among[turn % among.length];
    // Each replica is asked by every caller in turn, however many replicas there are.
    const caller = order[Math.floor(turn / Math.max(1, among.length)) % order.length] as Caller;
    turn += 1;
    if (target === undefined || underWay.size >= maxUnderWay) return;
    const mine = answers;
    const strikes = strikesAt(target.name);
    const request = ask(target.url, token(caller)).then((answer) => {
      const isLost = strikesAt(target.name) > strikes && Number.isNaN(Number(answer));
      mine.push(`${caller} ${target.name} ${isLost ? `lost:${answer}` : answer}`);
      underWay.delete(request);
    });
    underWay.add(request);
  }

  const timer = setInterval(send, 1000 / requestsPerSecond);
  return {
    async take() {
      const mine = answers;
      answers = [];
      await Promise.all(underWay);
      return countAnswers(mine);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

/** Sends one call of a tool; gives the status, or the code of the error that came instead of an answer. */
export async function ask(url: string, token: string): Promise<string> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
      },
      body,
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    await response.arrayBuffer();
    return String(response.status);
  } catch (error) {
    const { name, cause } = error as Error & { readonly cause?: { readonly code?: string } };
    return cause?.code ?? name;
  }
}

/** Counts answers, each written `caller replica answer`. */
export function countAnswers(answers: readonly string[]): Tally {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const isGood = (answer: string): boolean => answer.startsWith('good ');
  const isLetIn = (answer: string): boolean => answer.endsWith(' 200');
  const isLost = (answer: string): boolean => answer.includes(' lost:');
  return {
    sent: answers.length,
    answers: counts,
    wrongAccepts: answers.filter((answer) => !isGood(answer) && isLetIn(answer)),
    failedGood: answers.filter((answer) => isGood(answer) && !isLetIn(answer) && !isLost(answer)),
    lostGood: answers.filter((answer) => isGood(answer) && isLost(answer)),
  };
}

/**
 * Waits until something is so.
 *
 * @returns after how many milliseconds it was
 * @throws when it is not within `limitMs`, with the last error if there was one
 */
export async function timeUntil(
  what: string,
  limitMs: number,
  isSo: () => Promise<boolean> | boolean,
): Promise<number> {
  const startMs = performance.now();
  const endMs = startMs + within(limitMs);
  let last: unknown;
  do {
    try {
      if (await isSo()) return performance.now() - startMs;
    } catch (error) {
      last = error;
    }
    await delay(100);
  } while (performance.now() < endMs);
  throw new Error(`${what}: not within ${within(limitMs)} ms`, { cause: last });
}
