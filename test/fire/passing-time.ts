import type { ResolveHost } from '../../operator/keys/resolve-host.ts';
import { type FakeClock, until } from '../fixtures/fake-clock.ts';
import { playScript, type Script } from '../fixtures/scripted-response.ts';

/** Servers that keep a client waiting for ever: only the clock frees it. */
export interface Stalls {
  /** Clients that are kept waiting now. */
  count(): number;
  /** Plays a script that does not end by itself. */
  play(script: Script): Script;
  /** A name server that does not answer. */
  readonly resolve: ResolveHost;
}

export function createStalls(): Stalls {
  let waiting = 0;
  return {
    count: () => waiting,
    play: (script) => (request, response) => {
      waiting += 1;
      response.once('close', () => {
        waiting -= 1;
      });
      return playScript(script, request, response);
    },
    resolve: (_host, _rules, signal) =>
      new Promise((_, reject) => {
        waiting += 1;
        const end = (): void => {
          waiting -= 1;
          reject(signal.reason);
        };
        signal.addEventListener('abort', end, { once: true });
      }),
  };
}

/** How time goes by: the clock stands still while there is work that needs no time. */
export interface Passage {
  /** Lets everything end that does not wait for time. */
  rest(): Promise<void>;
  /** Moves the clock from one event to the next, with a {@link rest} after each. */
  pass(ms: number): Promise<void>;
  /** Waits for something that may need a little time, such as an answer while the issuer is silent. */
  hear<T>(asked: Promise<T>): Promise<T>;
}

/** Work is handed from one promise to the next; this many turns without any is the end of it. */
const calmTurns = 20;
const stepMs = 100;
const maxSteps = 200;

export function createPassage(clock: FakeClock, underWay: () => number, stalls: Stalls): Passage {
  async function rest(isEnough: () => boolean = () => false): Promise<void> {
    let calm = 0;
    await until(() => {
      clock.advance(0);
      calm = underWay() === stalls.count() ? calm + 1 : 0;
      return calm > calmTurns || isEnough();
    });
  }

  async function pass(ms: number): Promise<void> {
    const endMs = clock.monotonicMs() + ms;
    await rest();
    while (clock.monotonicMs() < endMs) {
      clock.advance(Math.min(endMs - clock.monotonicMs(), clock.pending()[0] ?? ms));
      await rest();
    }
  }

  async function hear<T>(asked: Promise<T>): Promise<T> {
    let isHeard = false;
    const note = (): void => {
      isHeard = true;
    };
    asked.then(note, note);
    await until(() => isHeard || stalls.count() > 0);
    for (let step = 0; step < maxSteps && !isHeard; step += 1) {
      await rest(() => isHeard);
      if (!isHeard) clock.advance(stepMs);
    }
    return await asked;
  }

  return { rest: () => rest(), pass, hear };
}
