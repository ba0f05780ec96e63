import type { ServerResponse } from 'node:http';
import { objectKey } from '../../api/kubernetes-object.ts';
import { letInUntil } from '../../identity/caller.ts';
import type { Snapshot } from '../../policy/snapshot.ts';
import type { Clock } from '../../time/clock.ts';
import type { Admission } from '../backend.ts';

interface Exchange {
  readonly key: string;
  readonly digest: string;
  readonly response: ServerResponse;
}

/** The longest delay that a timer takes. */
const maxDelayMs = 2 ** 31 - 1;

/** Admitted requests that are still being answered. */
export class Exchanges {
  readonly #open = new Set<Exchange>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many requests are being answered. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether the token of an admission would not be let in any more. */
  isOver(admission: Admission): boolean {
    return letInUntil(admission) * 1000 <= this.#clock.nowMs();
  }

  /** Follows an exchange to its end, and cuts it when the token that opened it would not be let in any more. */
  add(admission: Admission, response: ServerResponse): void {
    const { policy } = admission;
    const exchange: Exchange = { key: objectKey(policy), digest: policy.digest, response };
    this.#open.add(exchange);
    const cancel = this.#cutAt(letInUntil(admission) * 1000, response);
    response.once('close', () => {
      cancel();
      this.#open.delete(exchange);
    });
  }

  /** Cuts every exchange whose policy is gone or has changed. */
  keepOnly({ policies }: Snapshot): void {
    for (const { key, digest, response } of this.#open) {
      if (policies.get(key)?.digest !== digest) response.destroy();
    }
  }

  #cutAt(atMs: number, response: ServerResponse): () => void {
    let cancel = (): void => undefined;
    const wait = (): void => {
      const left = atMs - this.#clock.nowMs();
      if (left <= 0) response.destroy();
      else cancel = this.#clock.after(Math.min(left, maxDelayMs), wait);
    };
    wait();
    return () => cancel();
  }
}
