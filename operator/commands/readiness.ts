import type { PolicyReport } from '../enforcement/enforcement.ts';
import type { Clock } from '../time/clock.ts';

/** Issuers that do not answer must not keep a replica from serving the others. */
const patienceMs = 10_000;

export interface Readiness {
  isReady(): boolean;
  /** Takes the reports of a snapshot that is in force. */
  note(reports: readonly PolicyReport[]): void;
  /** The process is about to stop. */
  end(): void;
}

/**
 * Ready: a first snapshot is in force, and every key source has been tried once or some time has gone. Once earned it is
 * kept until the end: a replica that has lost the API server still serves.
 */
export function createReadiness(clock: Clock): Readiness {
  let firstMs: number | undefined;
  let isEarned = false;
  let isOver = false;
  return {
    isReady() {
      if (firstMs !== undefined && clock.monotonicMs() - firstMs >= patienceMs) isEarned = true;
      return isEarned && !isOver;
    },
    note(reports) {
      firstMs ??= clock.monotonicMs();
      if (reports.every(({ observation }) => observation?.issuer.kind !== 'pending')) isEarned = true;
    },
    end() {
      isOver = true;
    },
  };
}
