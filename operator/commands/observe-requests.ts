import type { CallerMemory } from '../enforcement/caller-memory.ts';
import type { ExchangeObserver } from '../http/exchange/followed-exchange.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { AccessLog } from './access-log.ts';

interface ObserverParts {
  readonly metrics: Pick<Metrics, 'countDecision' | 'noteDecisionTime' | 'noteAnswerTime'>;
  readonly callers: Pick<CallerMemory, 'note'>;
  readonly accessLog: Pick<AccessLog, 'note'>;
}

/** Tells everybody who is concerned what becomes of requests. */
export function observeRequests({ metrics, callers, accessLog }: ObserverParts): ExchangeObserver {
  return {
    onDecision(reason, policy, seconds) {
      const mode = policy?.verifier.mode ?? 'none';
      metrics.countDecision({ mode, reason }, policy);
      metrics.noteDecisionTime(mode, seconds);
      callers.note(reason, policy);
    },
    onAnswer: metrics.noteAnswerTime,
    onEnd: accessLog.note,
  };
}
