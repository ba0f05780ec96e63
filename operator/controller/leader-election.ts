import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { sleep } from '../time/deadline.ts';
import { ApiError, toApiError } from './api-error.ts';
import { createElectionLease, type ElectionLeaseOptions, type LeaseVersion } from './election-lease.ts';
import {
  afterRead,
  afterWrite,
  chooseMove,
  enterElection,
  leaderTimes,
  leadsForMs,
  releasedSpec,
  specFor,
} from './leader-state.ts';
import { formatMicroTime } from './micro-time.ts';

export interface LeaderElectionOptions extends ElectionLeaseOptions {
  /** Must belong to this process alone: the pod's name and something random, since a container can be restarted. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called when this process becomes leader, and when it is not any more. Must not throw. */
  readonly onChange: (isLeader: boolean) => void;
}

/** A candidate among the processes that name the same Lease. Failures of the API server end leadership by time only. */
export interface LeaderElection {
  /**
   * Whether this process may act as leader at this moment. Ask right before each act: a process that was paused is not
   * leader any more when it wakes up, before any timer has run.
   */
  isLeader(): boolean;
  /** Leads no more from now on, and lets the next one lead at once. Ends within five seconds. */
  stop(): Promise<void>;
}

const stopDeadlineMs = 5_000;

/** Takes part in the election until it is stopped. */
export function startLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { identity, clock, random } = options;
  const lease = createElectionLease(options);
  const stopping = new AbortController();
  const calling = new AbortController();
  const { told, failed, succeeded } = createReports(options);
  let election = enterElection(identity);
  /** What we wrote last. Undefined when others may have written since, or it is unknown what became of our write. */
  let ours: LeaseVersion | undefined;
  let isLeaderAsTold = false;
  let cancelExpiry: (() => void) | undefined;
  let stopped: Promise<void> | undefined;

  const leadsFor = (): number => (stopping.signal.aborted ? 0 : leadsForMs(election, clock.monotonicMs()));

  /** The leader writes, the others read; and write when there is nobody to wait for. */
  async function attempt(): Promise<void> {
    const before = ours ?? (await look());
    const move = chooseMove(election, clock.monotonicMs());
    if (move === 'wait' || stopping.signal.aborted) {
      return;
    }
    // Before the write: others count from when they see it, which is later.
    const beganMs = clock.monotonicMs();
    const spec = specFor(move, election, formatMicroTime(clock.nowMs()));
    ours = undefined;
    ours = await lease.write(before, spec, calling.signal);
    election = afterWrite(election, ours.spec, beganMs);
  }

  async function look(): Promise<LeaseVersion | undefined> {
    const found = await lease.read(calling.signal);
    election = afterRead(election, found?.spec, clock.monotonicMs());
    return found;
  }

  async function attemptAndTell(): Promise<void> {
    const wasOurs = ours !== undefined;
    try {
      // What we thought was ours has been written by somebody else, or deleted: who is leader must be known at once.
      await attempt().catch((error: unknown) => {
        if (!wasOurs || !hasCode(error, 409, 404)) throw error;
        return attempt();
      });
      succeeded();
    } catch (error) {
      // In a conflict somebody else was quicker.
      if (!hasCode(error, 409)) failed(error);
    }
    tell();
  }

  function tell(): void {
    const remainingMs = leadsFor();
    cancelExpiry?.();
    cancelExpiry = remainingMs > 0 ? clock.after(remainingMs, tell) : undefined;
    if (remainingMs > 0 !== isLeaderAsTold) {
      isLeaderAsTold = remainingMs > 0;
      told(isLeaderAsTold);
      options.onChange(isLeaderAsTold);
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await attemptAndTell();
      // Spread, so that candidates do not come all at once.
      await sleep(clock, leaderTimes.retryMs * (1 + random() / 5), stopping.signal);
    }
  }

  async function release(): Promise<void> {
    if (ours !== undefined) {
      await lease.write(ours, releasedSpec(ours.spec, formatMicroTime(clock.nowMs())), calling.signal);
    }
  }

  async function stop(): Promise<void> {
    stopping.abort();
    tell();
    const cancel = clock.after(stopDeadlineMs, () => calling.abort());
    await ended;
    await release().catch((error: unknown) => hasCode(error, 409) || failed(error));
    cancel();
  }

  const ended = run();
  return {
    isLeader: () => leadsFor() > 0,
    stop: () => (stopped ??= stop()),
  };
}

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof ApiError && codes.includes(error.code);
}

/** Says who leads, and each trouble once; repetitions go to debug. */
function createReports({ log, name, namespace }: LeaderElectionOptions): {
  told(isLeader: boolean): void;
  failed(error: unknown): void;
  succeeded(): void;
} {
  const about = { lease: name, namespace };
  let hasFailed = false;
  return {
    told: (isLeader) =>
      log.info(isLeader ? 'this replica is the leader' : 'this replica is not the leader any more', about),
    failed(error) {
      const { code, reason } = toApiError(error);
      log[hasFailed ? 'debug' : 'warn']('using the Lease of the leader failed', { ...about, code, reason });
      hasFailed = true;
    },
    succeeded() {
      if (hasFailed) log.info('using the Lease of the leader works again', about);
      hasFailed = false;
    },
  };
}
