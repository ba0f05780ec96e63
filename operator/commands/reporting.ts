import type { PolicyReport } from '../enforcement/enforcement.ts';
import { createStatusBoard, type StatusBoard, type StatusBoardParts } from '../enforcement/status-board.ts';
import type { Inputs } from '../policy/inputs.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { VERSION } from '../version.ts';
import { countStates } from './announcements.ts';
import { coalesce } from './coalesce.ts';
import { createReadiness, type Readiness } from './readiness.ts';

export interface ReportingParts extends Omit<StatusBoardParts, 'operatorVersion' | 'onBug'> {
  /** The policies, and what is known of them; undefined while there is nothing to enforce. */
  readonly current: () => CurrentReports | undefined;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'setPolicies' | 'countPanic'>;
}

export interface CurrentReports {
  readonly objects: readonly Inputs['policies'][number]['object'][];
  readonly reports: readonly PolicyReport[];
}

/** What is told of the policies: in statuses, in a metric, and by being ready. */
export interface Reporting extends Pick<StatusBoard, 'list'>, Pick<Readiness, 'isReady' | 'end'> {
  /** Something that is told may have changed. A burst of calls is one report, soon after. */
  request(): void;
  /** Has every status told again, to somebody who was not told before. */
  tellAnew(): void;
}

export function createReporting(parts: ReportingParts): Reporting {
  const { clock, current, log, metrics } = parts;
  const board = createStatusBoard({
    ...parts,
    operatorVersion: VERSION,
    onBug(policy, error, isNew) {
      metrics.countPanic('status');
      if (isNew) log.error('computing a status failed', { policy, error: stackOf(error) });
    },
  });
  const readiness = createReadiness(clock);
  const report = (): void => {
    const now = current();
    if (now === undefined) return;
    board.update(now.objects, now.reports);
    readiness.note(now.reports);
    metrics.setPolicies(countStates(now.reports));
  };
  const request = coalesce(clock, () => {
    try {
      report();
    } catch (error) {
      // Thrown on it would end the process, which still serves.
      metrics.countPanic('status');
      log.error('reporting failed', { error: stackOf(error) });
    }
  });
  return {
    list: board.list,
    isReady: readiness.isReady,
    end: readiness.end,
    request,
    tellAnew() {
      board.tellAnew();
      request();
    },
  };
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : String(error);
}
