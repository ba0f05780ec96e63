import type { RestartCause } from '../telemetry/collection-metrics.ts';
import type { ApiError } from './api-error.ts';
import type { ReflectorInput, ReflectorState } from './reflector-state.ts';

/** Why a step has ended a watch that is to be begun again; undefined when it has not. */
export function watchRestart(
  before: ReflectorState,
  input: ReflectorInput,
  after: ReflectorState,
): RestartCause | undefined {
  if (before.kind !== 'watching') return undefined;
  if (after.kind === 'waiting') return causeOf(after.error);
  return input.kind === 'watch-ended' ? 'ended' : undefined;
}

function causeOf({ code, reason }: ApiError): RestartCause {
  if (code === 410) return 'expired';
  if (code !== 0) return code >= 500 ? 'server_error' : 'refused';
  switch (reason) {
    case 'WatchTooShort':
      return 'too_short';
    case 'Timeout':
      return 'silent';
    case 'EventOutOfOrder':
    case 'LineTooLong':
    case 'MalformedEvent':
    case 'MalformedLine':
      return 'malformed';
    default:
      return 'disconnected';
  }
}
